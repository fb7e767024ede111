/** One message as a bubble. */

import { clock, el, icon } from "./dom.js";
import { mediaKind, mediaNode, summary } from "./media.js";
import { richText } from "./richtext.js";

/** Stands for the Pay button where others have their callback data. */
export const PAY = "pay";

/**
 * @param {Object} message as the server shows it
 * @param {Object} act what can be done: command(text), tap(message, data), pay(message), reply(message), edit(message), follow(url), jump(id)
 * @param {(message: Object, data: string) => boolean} isBusy whether a button still waits for the bot
 */
export function messageNode(message, act, isBusy) {
  if (message.successful_payment || message.refunded_payment) return serviceNode(message);
  const kind = mediaKind(message);
  const bare = kind === "sticker" || kind === "video_note";
  const classes = ["message", message.out ? "out" : "in", kind && `has-${kind}`, bare && "bare", message.has_protected_content && "protected"];
  const bubble = el("div", { class: "bubble" }, quote(message, act), mediaNode(message), words(message, act), invoice(message), foot(message));
  return el(
    "article",
    {
      class: classes.filter(Boolean).join(" "),
      "data-testid": "message",
      "data-message-id": message.id,
      "data-direction": message.out ? "out" : "in",
      "aria-label": message.out ? "You" : "Bot",
    },
    el("div", { class: "bubble-row" }, bubble, tools(message, act)),
    message.invoice ? payButton(message, act, isBusy) : keyboard(message, act, isBusy),
  );
}

/** A line of Telegram's own between the messages. */
function serviceNode(message) {
  const text = message.successful_payment ? `You paid ${stars(message.successful_payment)}` : `${stars(message.refunded_payment)} came back to you`;
  return el("article", { class: "message service", "data-testid": "service", "data-message-id": message.id, "aria-label": "Telegram" }, el("span", {}, text));
}

const stars = (payment) => `⭐ ${payment.total_amount}`;

function invoice(message) {
  if (!message.invoice) return null;
  return el("div", { class: "invoice", "data-testid": "invoice" }, el("strong", {}, message.invoice.title), el("span", {}, message.invoice.description), el("span", { class: "invoice-price" }, stars(message.invoice)));
}

function payButton(message, act, isBusy) {
  const pay = {
    type: "button",
    class: "inline-button",
    "data-testid": "pay",
    "data-callback": PAY,
    "data-look": "success",
    "aria-busy": String(isBusy(message, PAY)),
    disabled: message.paid,
    onclick: () => act.pay(message),
  };
  return el("div", { class: "inline-keyboard" }, el("div", { class: "inline-row" }, el("button", pay, el("span", {}, message.paid ? "Paid" : `Pay ${stars(message.invoice)}`))));
}

function quote(message, act) {
  if (!message.reply_to) return null;
  const author = message.reply_to.out ? "You" : "Bot";
  return el(
    "button",
    { type: "button", class: "quote", onclick: () => act.jump(message.reply_to.id) },
    el("strong", {}, author),
    el("span", {}, summary(message.reply_to)),
  );
}

function words(message, act) {
  const text = message.text || message.caption;
  if (!text) return null;
  return el("div", { class: "text", dir: "auto" }, richText(text, message.entities || message.caption_entities, act));
}

function foot(message) {
  const time = new Date(message.date * 1000);
  return el(
    "div",
    { class: "foot" },
    message.reactions.length > 0 && el("span", { class: "reactions" }, message.reactions.join(" ")),
    message.has_protected_content && el("span", { class: "lock", title: "Protected: cannot be forwarded or saved", "data-testid": "protected" }, icon("lock", "icon tiny")),
    message.edit_date && el("span", { "data-testid": "edited" }, "edited"),
    el("time", { datetime: time.toISOString() }, clock(message.date)),
    message.out && icon("check", "icon tiny"),
  );
}

function tools(message, act) {
  const isEditable = message.out && (message.text || mediaKind(message)) && !message.sticker && !message.contact && !message.location;
  return el(
    "div",
    { class: "tools" },
    el("button", { type: "button", class: "icon-button", "aria-label": "Reply", "data-testid": "reply", onclick: () => act.reply(message) }, icon("reply")),
    isEditable && el("button", { type: "button", class: "icon-button", "aria-label": "Edit", "data-testid": "edit", onclick: () => act.edit(message) }, icon("edit")),
  );
}

function keyboard(message, act, isBusy) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return null;
  return el("div", { class: "inline-keyboard" }, ...rows.map((row) => el("div", { class: "inline-row" }, ...row.map((button) => inlineButton(message, button, act, isBusy)))));
}

function inlineButton(message, button, act, isBusy) {
  const look = { class: "inline-button", "data-testid": "inline-button", "data-look": button.style };
  if (button.url) {
    const follow = (event) => act.follow(event, button.url);
    return el("a", { ...look, href: button.url, target: "_blank", rel: "noopener noreferrer", onclick: follow }, el("span", {}, button.text), icon("link", "icon corner"));
  }
  return el(
    "button",
    {
      ...look,
      type: "button",
      "data-callback": button.callback_data,
      "aria-busy": String(isBusy(message, button.callback_data)),
      disabled: !button.callback_data,
      onclick: () => act.tap(message, button.callback_data),
    },
    el("span", {}, button.text),
  );
}
