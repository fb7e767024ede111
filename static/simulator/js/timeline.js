/** The list of messages: keeps them in order, changes them in place, and keeps the reader's place. */

import { day, el } from "./dom.js";
import { messageNode } from "./message.js";

const NEAR_BOTTOM_PX = 80;

export class Timeline {
  constructor(root, act) {
    this.list = root.querySelector(".messages");
    this.scroller = root.querySelector(".scroller");
    this.toBottom = root.querySelector(".to-bottom");
    this.unread = root.querySelector(".unread");
    this.act = act;
    this.messages = new Map();
    this.nodes = new Map();
    this.waiting = new Map();
    this.unreadCount = 0;
    this.toBottom.addEventListener("click", () => this.scrollToBottom(true));
    this.isStuck = true;
    this.lastTop = 0;
    this.scroller.addEventListener("scroll", () => this.scrolled());
    // Pictures that load, keyboards that open and panes that appear move the bottom: the reader moves along.
    const follow = new ResizeObserver(() => this.isStuck && this.scrollToBottom());
    follow.observe(this.scroller);
    follow.observe(this.list);
  }

  /** Only scrolling up lets go of the bottom: a bottom that moves away by itself is followed. */
  scrolled() {
    const top = this.scroller.scrollTop;
    if (this.isAtBottom()) this.isStuck = true;
    else if (top < this.lastTop) this.isStuck = false;
    this.lastTop = top;
    if (this.isStuck) this.markRead();
  }

  get isEmpty() {
    return this.messages.size === 0;
  }

  get firstId() {
    return Math.min(...this.messages.keys());
  }

  clear() {
    for (const store of [this.messages, this.nodes, this.waiting]) store.clear();
    this.list.replaceChildren();
    this.isStuck = true;
    this.markRead();
  }

  /** Adds or changes messages; scrolls along if the reader is at the bottom or wrote the message. */
  show(messages) {
    let fresh = 0;
    let mine = false;
    for (const message of messages) {
      if (!this.messages.has(message.id)) {
        fresh += message.out ? 0 : 1;
        mine ||= message.out;
      }
      this.put(message);
    }
    if (this.isStuck || mine) this.scrollToBottom();
    else if (fresh) this.countUnread(fresh);
  }

  /** Adds older messages above, without moving what is being read. */
  showEarlier(messages) {
    const fromBottom = this.scroller.scrollHeight - this.scroller.scrollTop;
    for (const message of messages) this.put(message);
    this.scroller.scrollTop = this.scroller.scrollHeight - fromBottom;
  }

  put(message) {
    const known = this.nodes.get(message.id);
    const node = messageNode(message, this.act, (...tap) => this.isBusy(...tap));
    this.messages.set(message.id, message);
    this.nodes.set(message.id, node);
    if (known) replace(known, node);
    else this.insert(message, node);
  }

  insert(message, node) {
    const nextId = [...this.messages.keys()].filter((id) => id > message.id).sort((a, b) => a - b)[0];
    const next = nextId && this.nodes.get(nextId);
    const album = message.media_group_id && this.album(message, next);
    if (album) album.append(node);
    else this.list.insertBefore(node, next ? next.closest(".messages > *") : null);
    this.separateDay(message, node);
  }

  album(message, next) {
    const known = this.list.querySelector(`[data-group="${CSS.escape(message.media_group_id)}"]`);
    if (known) return known;
    const made = el("div", { class: `album ${message.out ? "out" : "in"}`, "data-group": message.media_group_id });
    this.list.insertBefore(made, next ? next.closest(".messages > *") : null);
    return made;
  }

  separateDay(message, node) {
    const label = day(message.date);
    const item = node.closest(".messages > *");
    const known = this.list.querySelector(`[data-day="${CSS.escape(label)}"]`);
    if (!known) item.before(el("div", { class: "day", "data-day": label }, el("span", {}, label)));
    else if (known.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_PRECEDING) item.before(known);
  }

  remove(id) {
    const node = this.nodes.get(id);
    if (!node) return;
    const album = node.closest(".album");
    node.remove();
    if (album && !album.children.length) album.remove();
    this.messages.delete(id);
    this.nodes.delete(id);
    if (this.isEmpty) this.list.replaceChildren();
  }

  /** Marks a button as waiting for the bot until `answered(query)`, or for 15 seconds. */
  wait(query, message, data) {
    this.waiting.set(query, { id: message.id, data });
    this.paintBusy(message.id);
    setTimeout(() => this.answered(query), 15000);
  }

  answered(query) {
    const tap = this.waiting.get(query);
    this.waiting.delete(query);
    if (tap) this.paintBusy(tap.id);
  }

  isBusy(message, data) {
    return [...this.waiting.values()].some((tap) => tap.id === message.id && tap.data === data);
  }

  paintBusy(id) {
    for (const button of this.nodes.get(id)?.querySelectorAll("button.inline-button") || []) {
      button.setAttribute("aria-busy", String(this.isBusy({ id }, button.dataset.callback)));
    }
  }

  jump(id) {
    const node = this.nodes.get(id);
    if (!node) return;
    node.scrollIntoView({ block: "center", behavior: "smooth" });
    node.classList.add("flash");
    setTimeout(() => node.classList.remove("flash"), 1200);
  }

  isAtBottom() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR_BOTTOM_PX;
  }

  scrollToBottom(smooth = false) {
    this.isStuck = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
    this.markRead();
  }

  countUnread(count) {
    this.unreadCount += count;
    this.unread.textContent = this.unreadCount;
    this.unread.hidden = false;
    this.toBottom.hidden = false;
  }

  markRead() {
    this.unreadCount = 0;
    this.unread.hidden = true;
    this.toBottom.hidden = true;
  }
}

/** Puts a changed message in the place of the old one, keeping a picture that stayed the same and the keyboard's focus. */
function replace(known, node) {
  const old = known.querySelector("img");
  const fresh = node.querySelector("img");
  if (old && fresh && old.src === fresh.src) fresh.replaceWith(old);
  const buttons = [...known.querySelectorAll(".inline-button")];
  const focused = buttons.indexOf(document.activeElement);
  known.replaceWith(node);
  if (focused >= 0) node.querySelectorAll(".inline-button")[focused]?.focus({ preventScroll: true });
}
