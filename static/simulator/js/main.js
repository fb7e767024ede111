/** The page: two panes, kept in the address, one at a time on a phone. */

import { people } from "./api.js";
import { el } from "./dom.js";
import { Pane } from "./pane.js";

const SIDES = ["left", "right"];
const holder = document.getElementById("panes");
const template = document.getElementById("pane-template");

function remember(side, persona) {
  const url = new URL(location.href);
  url.searchParams.set(side, persona.id);
  history.replaceState(null, "", url);
  document.querySelector(`[data-tab=${side}] .tab-name`).textContent = persona.name;
}

function makePane(side) {
  const root = template.content.firstElementChild.cloneNode(true);
  root.dataset.side = side;
  root.dataset.testid = `pane-${side}`;
  root.setAttribute("aria-label", side === "left" ? "First chat" : "Second chat");
  holder.append(root);
  return new Pane(root, (persona) => remember(side, persona));
}

function showTab(side) {
  holder.dataset.shown = side;
  for (const tab of document.querySelectorAll("[data-tab]")) tab.setAttribute("aria-selected", String(tab.dataset.tab === side));
}

async function fill(pane, side, wanted) {
  if (wanted === "new") return pane.ask({ create: true });
  if (/^\d+$/.test(wanted)) return pane.choose(Number(wanted));
  if (side === "right") return pane.ask();
  const { personas } = await people("");
  const last = personas.find((persona) => persona.used);
  return last ? pane.choose(last.id) : pane.ask({ create: true });
}

const lightbox = document.getElementById("lightbox");
lightbox.addEventListener("click", () => lightbox.close());

const wanted = new URLSearchParams(location.search);
for (const tab of document.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => showTab(tab.dataset.tab));
showTab("left");
for (const side of SIDES) {
  fill(makePane(side), side, wanted.get(side) || "").catch((error) => holder.append(el("p", { class: "notice", role: "alert" }, error.message)));
}
