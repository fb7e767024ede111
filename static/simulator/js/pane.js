/** One chat of one persona with the bot. */

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { el, paintAvatar } from "./dom.js";
import { Picker } from "./picker.js";
import { Popovers } from "./popovers.js";
import { summary } from "./media.js";
import { PAY } from "./message.js";
import { Timeline } from "./timeline.js";

const VISIBLE_POLL_MS = 300;
const HIDDEN_POLL_MS = 2000;
const TYPING_MS = 5000;
const TOAST_MS = 4000;
const ACTIONS = { typing: "typing…", upload_photo: "sending a photo…", record_voice: "recording…", upload_voice: "sending a voice message…" };

export class Pane {
  /** @param {(persona: Object) => void} onPersona told of every change of who plays here */
  constructor(root, onPersona) {
    this.root = root;
    this.onPersona = onPersona;
    this.chat = null;
    this.state = null;
    this.popovers = new Popovers(root);
    this.picker = new Picker(root, (persona) => this.choose(persona.id));
    this.timeline = new Timeline(root, this.messageActs());
    this.composer = new Composer(root, (name, body) => this.perform(name, body), this.popovers);
    this.bindHeader();
    this.bindFooter();
    this.poll();
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  messageActs() {
    return {
      command: (text) => this.perform("text", { text }),
      tap: (message, data) => this.tap(message, data),
      pay: (message) => this.pay(message),
      reply: (message) => this.composer.setContext({ mode: "reply", message }),
      edit: (message) => this.composer.setContext({ mode: "edit", message }),
      jump: (id) => this.timeline.jump(id),
      follow: (event, url) => this.follow(event, url),
    };
  }

  bindHeader() {
    this.popovers.bind(this.$(".persona-chip"), this.$(".picker"), () => this.picker.refresh());
    this.popovers.bind(this.$(".chat-menu-button"), this.$(".chat-menu"));
    const menu = { blocked: () => this.perform("blocked", { on: !this.state.blocked }), autopilot: () => this.perform("autopilot", { on: !this.state.persona.autopilot }), clear: () => this.perform("clear"), "start-with": () => this.showStart() };
    for (const button of this.root.querySelectorAll(".chat-menu [data-act]")) {
      button.addEventListener("click", () => {
        this.popovers.close();
        if (this.state) menu[button.dataset.act]();
      });
    }
    this.$(".pinned").addEventListener("click", () => this.timeline.jump(this.state.pinned));
    this.$(".earlier").addEventListener("click", () => this.showEarlier());
    this.$(".alert-backdrop button").addEventListener("click", () => (this.$(".alert-backdrop").hidden = true));
  }

  bindFooter() {
    this.$("[data-testid=start]").addEventListener("click", () => this.start());
    this.$("[data-testid=unblock-bot]").addEventListener("click", () => this.restart());
    this.popovers.bind(this.$(".attach-button"), this.$(".attach-menu"));
    this.popovers.bind(this.$(".command-button"), this.$(".command-menu"));
    for (const button of this.root.querySelectorAll("[data-sheet]")) {
      button.addEventListener("click", () => this.popovers.open(this.$(`.sheet.${button.dataset.sheet}`), this.$(".attach-button")));
    }
    const search = this.$(".cities input[type=search]");
    search.addEventListener("input", () => {
      for (const city of this.root.querySelectorAll("[data-city]")) city.hidden = !city.dataset.city.toLowerCase().includes(search.value.trim().toLowerCase());
    });
  }

  /** Asks who plays here; `create` puts the cursor into the form for somebody new. */
  ask({ create = false } = {}) {
    const sheet = this.$(".picker");
    this.popovers.open(sheet, this.$(".persona-chip"));
    sheet.classList.add("pinned-open");
    this.picker.refresh();
    if (create) this.$(".new-persona input").focus();
  }

  async choose(id) {
    const opened = await api.openChat(id).catch((error) => this.toast(error.message));
    if (!opened) return this.ask();
    this.$(".picker").classList.remove("pinned-open");
    this.popovers.close();
    this.$(".picker").hidden = true;
    this.chat = id;
    this.composer.reset();
    this.timeline.clear();
    this.load(opened);
    this.onPersona(opened.persona);
  }

  load(opened) {
    this.after = opened.last_event;
    this.wantsStart = false;
    this.timeline.show(opened.messages);
    this.$(".earlier").hidden = !opened.has_earlier;
    this.showState(opened);
  }

  async showEarlier() {
    const page = await api.earlier(this.chat, this.timeline.firstId);
    this.timeline.showEarlier(page.messages);
    this.$(".earlier").hidden = !page.has_earlier;
  }

  /** Asks again and again what is new; slower while nobody looks. */
  async poll() {
    const chat = this.chat;
    let wait = document.hidden ? HIDDEN_POLL_MS : VISIBLE_POLL_MS;
    if (chat) {
      try {
        const news = await api.news(chat, this.after);
        if (chat === this.chat && news.last_event > this.after) await this.apply(news);
        this.root.classList.remove("offline");
      } catch {
        this.root.classList.add("offline");
        wait = HIDDEN_POLL_MS;
      }
    }
    setTimeout(() => this.poll(), wait);
  }

  async apply(news) {
    this.after = news.last_event;
    if (news.cleared) {
      this.timeline.clear();
      return this.load(await api.openChat(this.chat));
    }
    for (const id of news.deleted) this.timeline.remove(id);
    this.timeline.show(news.messages);
    if (news.messages.some((message) => !message.out)) this.setAction(null);
    if (news.action) this.setAction(news.action);
    for (const answer of news.answers) this.showAnswer(answer);
    this.showState(news.state || this.state);
    return undefined;
  }

  async perform(name, body) {
    if (!this.chat) return null;
    try {
      this.wantsStart = false;
      return await api.act(this.chat, name, body);
    } catch (error) {
      this.toast(error.message.replace("Bad Request: ", ""));
      return null;
    }
  }

  async tap(message, data) {
    if (this.timeline.isBusy(message, data)) return;
    const tapped = await this.perform("tap", { message_id: message.id, data });
    if (tapped) this.timeline.wait(tapped.query, message, data);
  }

  async pay(message) {
    if (this.timeline.isBusy(message, PAY)) return;
    const pressed = await this.perform("pay", { message_id: message.id });
    if (pressed) this.timeline.wait(pressed.query, message, PAY);
  }

  showAnswer(answer) {
    this.timeline.answered(answer.query);
    if (!answer.text) return;
    if (!answer.show_alert) return void this.toast(answer.text);
    this.$(".alert-text").textContent = answer.text;
    this.$(".alert-backdrop").hidden = false;
    this.$(".alert-backdrop button").focus();
  }

  toast(text) {
    const toast = this.$(".toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
  }

  setAction(action) {
    clearTimeout(this.actionTimer);
    const status = this.$(".bot-status");
    status.classList.toggle("busy", Boolean(action));
    status.textContent = action ? ACTIONS[action] || "busy…" : "bot";
    if (action) this.actionTimer = setTimeout(() => this.setAction(null), TYPING_MS);
  }

  showState(state) {
    this.state = state;
    this.$(".persona-current").textContent = state.persona.name;
    paintAvatar(this.$(".persona-avatar"), state.persona, api.avatarUrl(state.persona.id));
    this.$(".bot-name").textContent = state.bot.name;
    this.$(".bot-description").textContent = state.bot.description || "Press START and find out.";
    this.$("[data-act=blocked]").textContent = state.blocked ? "Unblock bot" : "Block bot";
    this.$("[data-act=autopilot]").textContent = state.persona.autopilot ? "Take off autopilot" : "Put on autopilot";
    this.$(".command-menu").replaceChildren(...state.bot.commands.map((command) => this.commandItem(command)));
    this.$(".command-button").hidden = !state.bot.commands.length;
    this.composer.setKeyboard(state.reply_keyboard);
    const pinned = this.timeline.messages.get(state.pinned);
    this.$(".pinned").hidden = !pinned;
    if (pinned) this.$(".pinned-text").textContent = summary(pinned);
    this.showFooter();
  }

  showFooter() {
    const starts = !this.state.blocked && (this.timeline.isEmpty || this.wantsStart);
    this.$(".empty-chat").hidden = !this.timeline.isEmpty;
    this.$(".start-bar").hidden = !starts;
    this.$(".unblock-bar").hidden = !this.state.blocked;
    this.$(".composer-bar").hidden = starts || this.state.blocked;
  }

  commandItem(command) {
    const send = () => {
      this.popovers.close();
      this.perform("text", { text: `/${command.command}` });
    };
    return el("button", { type: "button", "data-testid": `command-${command.command}`, onclick: send }, el("strong", {}, `/${command.command}`), el("span", {}, command.description));
  }

  showStart() {
    this.wantsStart = true;
    this.showFooter();
    this.$(".start-payload").focus();
  }

  start() {
    const input = this.$(".start-payload");
    if (!input.reportValidity()) return;
    this.perform("text", { text: `/start ${input.value}`.trim() });
    input.value = "";
  }

  async restart() {
    await this.perform("blocked", { on: false });
    this.perform("text", { text: "/start" });
  }

  /** Links to the bot itself start it with their parameter; all others open as usual. */
  follow(event, url) {
    const link = /^https:\/\/t\.me\/(\w+)\?start=([\w-]*)$/.exec(url);
    if (!link || link[1] !== this.state.bot.username) return;
    event.preventDefault();
    this.perform("text", { text: `/start ${link[2]}`.trim() });
  }
}
