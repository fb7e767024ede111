// What makes the pages of flags quicker to use. Without it they are forms and links that do the same.
"use strict";

const PREVIEW_AFTER_MS = 400;

// A slider beside a percentage: the number field stays what is sent.
for (const number of document.querySelectorAll("input[data-slider]")) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.className = "mm-slider";
  slider.max = 100;
  slider.setAttribute("aria-label", document.querySelector(`label[for="${number.id}"]`)?.textContent.trim() ?? "%");
  const follow = () => { slider.value = number.value === "" ? 100 : number.value; };
  slider.addEventListener("input", () => {
    number.value = slider.value;
    number.dispatchEvent(new Event("input", { bubbles: true }));
  });
  number.addEventListener("input", follow);
  follow();
  number.after(slider);
}

// What the form would do, as it is typed.
for (const place of document.querySelectorAll("[data-preview]")) {
  const form = place.closest("form");
  let timer;
  let running = new AbortController();
  const show = async () => {
    running.abort();
    running = new AbortController();
    try {
      const answer = await fetch(place.dataset.preview, {
        method: "POST", body: new FormData(form), signal: running.signal,
      });
      if (!answer.ok) return;
      place.innerHTML = await answer.text();
      place.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") place.hidden = true;
    }
  };
  if ("previewNow" in place.dataset) show();
  form.addEventListener("input", (event) => {
    if (["reason", "due_at"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(show, PREVIEW_AFTER_MS);
  });
}

// A page that asks before something is done, shown in place.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href);
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".mm-confirm");
    if (!answer.ok || !found) throw new Error("no such page");
    const dialog = document.createElement("dialog");
    dialog.className = "mm-dialog";
    dialog.setAttribute("aria-label", found.querySelector("h1").textContent);
    dialog.append(found);
    dialog.addEventListener("click", (click) => { if (click.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  } catch {
    location.assign(link.href);
  }
});
