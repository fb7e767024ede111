/** Everything below the messages: text, replies and edits, attachments, the bot's own keyboard. */

import { el } from "./dom.js";
import { summary } from "./media.js";
import { measure } from "./measure.js";

export class Composer {
  /** @param {(name: string, body: Object|FormData) => Promise} perform runs an act of the persona */
  constructor(root, perform, popovers) {
    this.root = root;
    this.perform = perform;
    this.popovers = popovers;
    this.form = root.querySelector(".composer-bar");
    this.text = root.querySelector(".composer");
    this.context = null;
    this.keyboard = null;
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.grow());
    root.querySelector(".context-cancel").addEventListener("click", () => this.setContext(null));
    root.querySelector(".keyboard-toggle").addEventListener("click", () => this.toggleKeyboard());
    root.querySelector(".send-contact").addEventListener("click", () => this.sendNow("contact"));
    for (const input of root.querySelectorAll("input[type=file]")) input.addEventListener("change", () => this.attach(input));
    for (const city of root.querySelectorAll("[data-city]")) city.addEventListener("click", () => this.sendPlace(city));
    for (const sticker of root.querySelectorAll("[data-sticker]")) sticker.addEventListener("click", () => this.sendNow("sticker", { name: sticker.dataset.sticker }));
  }

  reset() {
    this.text.value = "";
    this.setContext(null);
    this.grow();
  }

  submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    const context = this.context;
    this.reset();
    if (context?.mode === "edit") this.perform("edit", { message_id: context.message.id, text });
    else this.perform("text", { text, reply_to: context?.message.id ?? null });
  }

  sendText(text) {
    return this.perform("text", { text });
  }

  sendNow(name, body = {}) {
    this.popovers.close();
    return this.perform(name, body);
  }

  sendPlace(city) {
    this.sendNow("location", { latitude: Number(city.dataset.latitude), longitude: Number(city.dataset.longitude) });
  }

  async attach(input) {
    const files = [...input.files];
    input.value = "";
    this.popovers.close();
    if (!files.length) return;
    const form = new FormData();
    const { kind } = input.dataset;
    form.set("kind", kind);
    // What is typed already goes along as the caption.
    if (kind !== "video_note") form.set("caption", this.text.value.trim().slice(0, 1024));
    if (this.context?.mode === "reply") form.set("reply_to", this.context.message.id);
    for (const [name, value] of Object.entries(await measure(kind, files[0]))) form.set(name, value);
    for (const file of files) form.append("files", file);
    this.reset();
    this.perform("files", form);
  }

  key(event) {
    if (event.key === "Escape" && this.context) this.setContext(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 160)}px`;
    this.form.classList.toggle("has-text", Boolean(this.text.value.trim()));
  }

  /** Starts replying to or editing a message; null ends it. */
  setContext(context) {
    if (this.context?.mode === "edit" && !context) this.text.value = "";
    this.context = context;
    const bar = this.root.querySelector(".context-bar");
    bar.hidden = !context;
    if (!context) return this.grow();
    const { mode, message } = context;
    bar.querySelector("strong").textContent = mode === "edit" ? "Edit message" : `Reply to ${message.out ? "yourself" : "the bot"}`;
    bar.querySelector("span").textContent = summary(message).slice(0, 120);
    if (mode === "edit") this.text.value = message.text || message.caption || "";
    this.grow();
    this.text.focus();
  }

  /** Shows the bot's reply keyboard; null removes it. The same keyboard again changes nothing. */
  setKeyboard(markup) {
    if (JSON.stringify(markup) === JSON.stringify(this.keyboard)) return;
    this.keyboard = markup;
    this.text.placeholder = markup?.input_field_placeholder || "Message";
    const rows = markup?.keyboard || [];
    const holder = this.root.querySelector(".reply-keyboard");
    holder.replaceChildren(...rows.map((row) => el("div", { class: "reply-row" }, ...row.map((button) => this.replyButton(button)))));
    holder.hidden = !rows.length;
    this.root.querySelector(".keyboard-toggle").hidden = !rows.length;
  }

  replyButton(button) {
    return el("button", { type: "button", class: "reply-button", "data-testid": "reply-keyboard-button", onclick: () => this.pressReply(button) }, button.text);
  }

  pressReply(button) {
    if (button.request_location) this.popovers.open(this.root.querySelector(".sheet.cities"));
    else if (button.request_contact) this.sendNow("contact");
    else this.sendText(button.text);
    if (this.keyboard?.one_time_keyboard) this.root.querySelector(".reply-keyboard").hidden = true;
  }

  toggleKeyboard() {
    const holder = this.root.querySelector(".reply-keyboard");
    holder.hidden = !holder.hidden;
  }
}
