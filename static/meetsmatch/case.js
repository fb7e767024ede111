// The keyboard of the moderators' workbench. Without it the pages are forms and links that do the same.
"use strict";

const find = (selector) => document.querySelector(selector);
const keys = find("dialog[data-keys]");

function isTyping(target) {
  return target.closest("textarea, select, input:not([type=radio]):not([type=checkbox])") !== null;
}

function pick(key) {
  const button = find(`button[data-press="${CSS.escape(key)}"]`);
  if (button) { button.click(); return true; }
  const radio = find(`[data-decide] input[data-key="${CSS.escape(key)}"]`);
  if (!radio) return false;
  radio.checked = true;
  radio.focus();
  return true;
}

const COMMANDS = {
  n: () => find("a[data-next]")?.click(),
  j: () => find("a[data-next]")?.click(),
  c: () => find("form[data-claim]")?.requestSubmit(),
  u: () => find("form[data-undo]")?.requestSubmit(),
  b: () => find("[data-blur]")?.click(),
  "/": () => find("form[data-decide] textarea")?.focus(),
  "?": () => (keys?.open ? keys.close() : keys?.showModal()),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") { event.target.blur?.(); return; }
  if (isTyping(event.target)) return;
  const form = find("form[data-decide]");
  if (event.key === "Enter" && form?.querySelector("input[name=action]:checked")) {
    // a link or a button that has the focus does what it says
    if (event.target.closest("a, button, summary")) return;
    event.preventDefault();
    if (!event.repeat) form.requestSubmit();
    return;
  }
  if (event.repeat || keys?.open && event.key !== "?") return;
  if (COMMANDS[event.key]) COMMANDS[event.key]();
  else if (!pick(event.key)) return;
  event.preventDefault();
});

// Photos and videos are blurred and grey on every page until asked for; all of a page at once.
const switches = document.querySelectorAll("[data-blur]");
switches.forEach((button) => button.addEventListener("click", () => {
  const shown = button.getAttribute("aria-pressed") !== "true";
  document.querySelectorAll("[data-photos]").forEach((each) => each.classList.toggle("mm-blurred", !shown));
  switches.forEach((each) => each.setAttribute("aria-pressed", String(shown)));
}));
find("[data-help]")?.addEventListener("click", () => keys?.showModal());
keys?.addEventListener("click", (click) => { if (click.target === keys) keys.close(); });

// A decision is sent once, however long the answer takes.
find("form[data-decide]")?.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
// Back to a page that the browser has kept: it can be sent anew.
window.addEventListener("pageshow", () => { delete find("form[data-decide]")?.dataset.sent; });
