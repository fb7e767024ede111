/** Choosing who one is in a chat: search, two groups of people, and a form for somebody new. */

import { avatarUrl, createPerson, people } from "./api.js";
import { el, paintAvatar } from "./dom.js";

const LANGUAGES = { en: "English", es: "Español", ru: "Русский" };

export class Picker {
  /** @param {(persona: Object) => void} onChoice */
  constructor(root, onChoice) {
    this.sheet = root.querySelector(".picker");
    this.list = root.querySelector(".people");
    this.form = root.querySelector(".new-persona");
    this.error = root.querySelector(".form-error");
    this.search = this.sheet.querySelector("input[type=search]");
    this.onChoice = onChoice;
    this.search.addEventListener("input", () => this.refresh());
    this.form.addEventListener("submit", (event) => this.create(event));
  }

  async refresh() {
    const query = this.search.value;
    const found = await people(query);
    // An answer that comes late must not overwrite a newer one.
    if (query !== this.search.value) return;
    const yours = found.personas.filter((persona) => persona.used);
    const others = found.personas.filter((persona) => !persona.used);
    this.list.replaceChildren(...group("Your people", yours, this.onChoice), ...group("Demo people", others, this.onChoice));
    if (found.has_more) this.list.append(el("p", { class: "nobody" }, "There are more: search for them."));
    if (!found.personas.length) this.list.append(el("p", { class: "nobody" }, query ? "Nobody by that name." : "Nobody here yet: create the first one above."));
  }

  async create(event) {
    event.preventDefault();
    const form = new FormData(this.form);
    this.error.hidden = true;
    try {
      const persona = await createPerson(Object.fromEntries(form));
      this.form.reset();
      this.onChoice(persona);
    } catch (error) {
      this.error.textContent = error.message.replace("Bad Request: ", "");
      this.error.hidden = false;
    }
  }
}

function group(title, personas, onChoice) {
  if (!personas.length) return [];
  return [el("h4", {}, title), ...personas.map((persona) => option(persona, onChoice))];
}

function option(persona, onChoice) {
  const avatar = el("span", { class: "avatar", "aria-hidden": "true" });
  paintAvatar(avatar, persona, avatarUrl(persona.id));
  const details = [persona.username && `@${persona.username}`, LANGUAGES[persona.language] || persona.language].filter(Boolean).join(" · ");
  return el(
    "button",
    { type: "button", class: "person", "data-testid": "persona-option", "data-persona": persona.id, onclick: () => onChoice(persona) },
    avatar,
    el("span", { class: "card-text" }, el("strong", {}, persona.name), el("span", {}, details)),
    persona.autopilot && el("span", { class: "badge" }, "autopilot"),
  );
}
