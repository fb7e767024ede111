/** Builds DOM nodes. Text goes in as text nodes only, so nothing that a bot or a person writes becomes markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {Object} attributes `class`, `on<event>` handlers, booleans and plain attributes
 * @param {...(Node|string|null|undefined|false)} children
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child || child === 0));
  return node;
}

export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Shows a persona: their picture, or their initials on a colour of their own. */
export function paintAvatar(node, persona, avatarUrl) {
  node.replaceChildren();
  node.classList.forEach((name) => name.startsWith("tone-") && node.classList.remove(name));
  if (persona.has_avatar) {
    node.append(el("img", { src: avatarUrl, alt: "", loading: "lazy" }));
    return;
  }
  node.classList.add(`tone-${persona.id % 7}`);
  const words = persona.name.trim().split(/\s+/);
  node.append(words.slice(0, 2).map((word) => [...word][0] || "").join("").toUpperCase());
}

export function clock(unixSecs) {
  return new Date(unixSecs * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

export function day(unixSecs) {
  const date = new Date(unixSecs * 1000);
  if (date.toDateString() === new Date().toDateString()) return "Today";
  return date.toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
}

export function minutes(secs) {
  const whole = Math.max(0, Math.round(secs || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
