/** The simulator's JSON endpoints. Every refusal becomes an Error with the server's own words. */

const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const ROOT = meta("api-root");

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.description || `The server answered ${response.status}.`);
  return body;
}

function post(path, body) {
  const headers = { "X-CSRFToken": meta("csrf-token") };
  if (!(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  return fetch(ROOT + path, { method: "POST", headers, body }).then(answer);
}

const get = (path) => fetch(ROOT + path).then(answer);

export const people = (query) => get(`personas?q=${encodeURIComponent(query)}`);
export const createPerson = (form) => post("personas", form);
export const openChat = (chat) => get(`chats/${chat}`);
export const earlier = (chat, before) => get(`chats/${chat}?before=${before}`);
export const news = (chat, after) => get(`events?chat=${chat}&after=${after}`);
export const act = (chat, name, body = {}) => post(`chats/${chat}/${name}`, body);
export const fileUrl = (uniqueId) => `${ROOT}files/${encodeURIComponent(uniqueId)}`;
export const avatarUrl = (persona) => `${ROOT}avatars/${persona}`;
