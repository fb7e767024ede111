/** Text with Bot API entities as DOM nodes. Offsets are in UTF-16 units, which is what JavaScript strings count in. */

import { el } from "./dom.js";

const WRAPPERS = {
  bold: () => el("strong"),
  italic: () => el("em"),
  underline: () => el("u"),
  strikethrough: () => el("s"),
  code: () => el("code"),
  pre: () => el("pre"),
  blockquote: () => el("blockquote"),
  expandable_blockquote: () => el("blockquote"),
  spoiler: () => el("button", { type: "button", class: "spoiler", "aria-label": "Hidden text, press to show", onclick: reveal }),
};

function reveal(event) {
  event.currentTarget.classList.add("revealed");
  event.currentTarget.removeAttribute("aria-label");
}

const isSafe = (url) => /^(https?:|tg:|mailto:|tel:)/i.test(url);

function wrapper(entity, text, act) {
  if (entity.type === "bot_command") {
    return el("button", { type: "button", class: "command", onclick: () => act.command(text) });
  }
  const url = entity.type === "text_link" ? entity.url : entity.type === "url" ? text : null;
  if (url && isSafe(url)) {
    return el("a", { href: url, target: "_blank", rel: "noopener noreferrer", onclick: (event) => act.follow(event, url) });
  }
  if (entity.type === "mention") return el("span", { class: "mention" });
  return (WRAPPERS[entity.type] || (() => el("span")))();
}

/**
 * @param {string} text
 * @param {Array} entities outer ones before those within them
 * @param {Object} act what can be done: command(text), follow(event, url)
 * @returns {DocumentFragment}
 */
export function richText(text, entities, act) {
  return fill(document.createDocumentFragment(), text, 0, text.length, entities || [], act);
}

function fill(parent, text, start, end, entities, act) {
  let position = start;
  let index = 0;
  while (index < entities.length) {
    const entity = entities[index];
    const stop = Math.min(entity.offset + entity.length, end);
    if (entity.offset >= position && entity.offset < end) {
      parent.append(text.slice(position, entity.offset));
      const inner = entities.slice(index + 1).filter((other) => other.offset < stop);
      const node = wrapper(entity, text.slice(entity.offset, stop), act);
      parent.append(fill(node, text, entity.offset, stop, inner, act));
      position = stop;
    }
    index += 1;
  }
  parent.append(text.slice(position, end));
  return parent;
}
