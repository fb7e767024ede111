/** Photos, sound, film, files, contacts and places inside a message. */

import { fileUrl } from "./api.js";
import { el, icon, minutes } from "./dom.js";

const SHOWN = { photo, voice, audio: voice, animation, video, video_note: videoNote, sticker, document: file, contact, location: place };
const NAMES = {
  photo: "Photo",
  voice: "Voice message",
  audio: "Music",
  animation: "GIF",
  video: "Video",
  video_note: "Round video",
  sticker: "Sticker",
  document: "File",
  contact: "Contact",
  location: "Location",
};

/** The kind of media that a message carries; undefined for plain text. */
export const mediaKind = (message) => Object.keys(SHOWN).find((kind) => message[kind]);

/** A line that stands for the whole message, as in reply quotes. */
export function summary(message) {
  if (message.text) return message.text;
  if (message.invoice) return message.invoice.title;
  const kind = mediaKind(message);
  const name = message.sticker ? `${message.sticker.emoji} Sticker` : NAMES[kind] || "Message";
  return message.caption ? `${name}, ${message.caption}` : name;
}

/** The node for a message's media; null for plain text. */
export function mediaNode(message) {
  const kind = mediaKind(message);
  return kind ? SHOWN[kind](message[kind], message) : null;
}

function photo(sizes, message) {
  const best = sizes[sizes.length - 1];
  const image = el("img", {
    src: fileUrl(best.file_unique_id),
    width: best.width,
    height: best.height,
    alt: message.caption ? `Photo: ${message.caption.slice(0, 80)}` : "Photo",
    draggable: "false",
  });
  const spoiler = message.has_media_spoiler ? " covered" : "";
  return el("button", { type: "button", class: `photo${spoiler}`, "aria-label": "Enlarge photo", onclick: (event) => enlarge(event, image) }, image);
}

function enlarge(event, image) {
  if (event.currentTarget.classList.contains("covered")) {
    event.currentTarget.classList.remove("covered");
    return;
  }
  const box = document.getElementById("lightbox");
  box.firstElementChild.src = image.src;
  box.firstElementChild.alt = image.alt;
  box.showModal();
}

function voice(sound) {
  const audio = el("audio", { src: fileUrl(sound.file_unique_id), preload: "metadata" });
  const button = el("button", { type: "button", class: "round-button", "aria-label": "Play" }, icon("play"));
  const progress = el("progress", { max: "1", value: "0" });
  const time = el("span", { class: "voice-time" }, minutes(sound.duration));
  const show = () => {
    button.replaceChildren(icon(audio.paused ? "play" : "pause"));
    button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  };
  button.addEventListener("click", () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()));
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, show);
  audio.addEventListener("loadedmetadata", () => {
    if (!sound.duration && Number.isFinite(audio.duration)) time.textContent = minutes(audio.duration);
  });
  audio.addEventListener("timeupdate", () => {
    progress.value = audio.duration ? audio.currentTime / audio.duration : 0;
    time.textContent = minutes(audio.currentTime);
  });
  const title = sound.file_name && el("span", { class: "voice-title" }, sound.file_name);
  return el("div", { class: "voice" }, button, el("div", { class: "voice-track" }, title, progress, time), audio);
}

function video(film) {
  return el("video", { class: "video", src: fileUrl(film.file_unique_id), controls: true, preload: "metadata", playsinline: true });
}

function animation(film) {
  if ((film.mime_type || "").startsWith("image/")) return el("img", { class: "video", src: fileUrl(film.file_unique_id), alt: "GIF" });
  const node = el("video", { class: "video", src: fileUrl(film.file_unique_id), loop: true, autoplay: true, playsinline: true });
  node.muted = true;
  return node;
}

function videoNote(film) {
  const node = el("video", { src: fileUrl(film.file_unique_id), preload: "metadata", playsinline: true });
  const toggle = () => (node.paused ? node.play().catch(() => {}) : node.pause());
  return el("button", { type: "button", class: "video-note", "aria-label": "Play or pause round video", onclick: toggle }, node);
}

function sticker(picture) {
  return el("img", { class: "sticker", src: fileUrl(picture.file_unique_id), alt: `Sticker ${picture.emoji || ""}`, width: 160, height: 160 });
}

function file(stored) {
  const size = stored.file_size > 1e6 ? `${(stored.file_size / 1e6).toFixed(1)} MB` : `${Math.ceil(stored.file_size / 1e3)} KB`;
  const text = el("span", { class: "card-text" }, el("strong", {}, stored.file_name || "File"), el("span", {}, size));
  return el("a", { class: "card", href: fileUrl(stored.file_unique_id), download: stored.file_name || "file" }, el("span", { class: "round-button" }, icon("file")), text);
}

function contact(person) {
  const name = [person.first_name, person.last_name].filter(Boolean).join(" ");
  const text = el("span", { class: "card-text" }, el("strong", {}, name), el("span", {}, person.phone_number));
  return el("div", { class: "card" }, el("span", { class: "round-button" }, icon("person")), text);
}

function place(point) {
  const city = [...document.getElementById("pane-template").content.querySelectorAll("[data-city]")].find(
    (button) => Number(button.dataset.latitude) === point.latitude && Number(button.dataset.longitude) === point.longitude,
  );
  const coordinates = `${point.latitude.toFixed(4)}, ${point.longitude.toFixed(4)}`;
  const text = el("span", { class: "card-text" }, el("strong", {}, city ? city.dataset.city : "Location"), el("span", {}, coordinates));
  return el("div", { class: "card" }, el("span", { class: "round-button" }, icon("pin")), text);
}
