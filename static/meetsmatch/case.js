// The keyboard of the moderators' workbench. Without it the pages are forms and links that do the same.
"use strict";

const find = (selector) => document.querySelector(selector);
const photos = find("[data-photos]");
const keys = find("dialog[data-keys]");

function isTyping(target) {
  return target.closest("textarea, select, input:not([type=radio]):not([type=checkbox])") !== null;
}

function pick(key) {
  const radio = document.querySelector(`[data-decide] input[data-key="${CSS.escape(key)}"]`);
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

// Photos are blurred and grey on every page until asked for.
find("[data-blur]")?.addEventListener("click", () => {
  const shown = photos?.classList.toggle("mm-blurred") === false;
  find("[data-blur]").setAttribute("aria-pressed", String(shown));
});
find("[data-help]")?.addEventListener("click", () => keys?.showModal());
keys?.addEventListener("click", (click) => { if (click.target === keys) keys.close(); });

// A decision is sent once, however long the answer takes.
find("form[data-decide]")?.addEventListener("submit", (event) => {
  const button = event.target.querySelector("[type=submit]");
  if (button.disabled) event.preventDefault();
  button.disabled = true;
});
