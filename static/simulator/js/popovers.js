/** Menus and sheets of a pane: one open at a time, closed by Escape, by a click elsewhere, or by their own close button. */

export class Popovers {
  constructor(root) {
    this.root = root;
    this.opened = null;
    this.opener = null;
    document.addEventListener("pointerdown", (event) => this.outside(event));
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.opened && this.close(true));
    for (const button of root.querySelectorAll(".sheet-close")) button.addEventListener("click", () => this.close(true));
  }

  /** Opens `target` when `button` is pressed, and closes it when pressed again. */
  bind(button, target, onOpen = () => {}) {
    button.addEventListener("click", () => {
      if (this.opened === target) return this.close();
      this.open(target, button);
      onOpen();
    });
  }

  open(target, opener = null) {
    this.close();
    this.opened = target;
    this.opener = opener;
    target.hidden = false;
    opener?.setAttribute("aria-expanded", "true");
    target.querySelector("input[type=search], button, input")?.focus({ preventScroll: true });
  }

  close(giveFocusBack = false) {
    // A pane without a persona keeps asking for one.
    if (!this.opened || this.opened.classList.contains("pinned-open")) return;
    this.opened.hidden = true;
    this.opener?.setAttribute("aria-expanded", "false");
    if (giveFocusBack) this.opener?.focus();
    this.opened = null;
  }

  outside(event) {
    if (!this.opened || this.opened.contains(event.target) || this.opener?.contains(event.target)) return;
    this.close();
  }
}
