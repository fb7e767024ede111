/** Updates as Telegram posts them: what the worker needs to know of one, and whether it is one at all. */
export interface Update {
  id: number;
  /** Updates of one chat are delivered in the order of their ids. A member's taps and messages are of one chat. */
  chat: string;
  tap: Tap | null;
  body: string;
}

export interface Tap {
  queryId: string;
  language: string;
}

type Json = Record<string, unknown>;

const SLOT = /^[a-z]+(_[a-z]+)*$/;

/** null when this is no update: not JSON, no id, or not exactly one thing that happened. */
export function readUpdate(body: string): Update | null {
  const parsed = parse(body);
  if (!isObject(parsed)) return null;
  const { update_id: id, ...rest } = parsed;
  const [slot, ...more] = Object.entries(rest);
  if (!Number.isSafeInteger(id) || (id as number) < 0 || more.length) return null;
  if (slot && !(SLOT.test(slot[0]) && isObject(slot[1]))) return null;
  const [kind, content] = (slot ?? ["", {}]) as [string, Json];
  const tap = kind === "callback_query" ? readTap(content) : null;
  if (kind === "callback_query" && !tap) return null;
  return { id: id as number, chat: chatOf(content) ?? `update ${id as number}`, tap, body };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function readTap(query: Json): Tap | null {
  const sender = query["from"];
  if (typeof query["id"] !== "string" || !/^\d{1,20}$/.test(query["id"]) || !isObject(sender)) return null;
  const language = sender["language_code"];
  return { queryId: query["id"], language: typeof language === "string" ? language.slice(0, 2) : "en" };
}

/** A private chat has its member's id, so that a tap, which names only who tapped, meets their messages. */
function chatOf(content: Json): string | null {
  for (const part of [content["chat"], content["from"], content["user"]]) {
    const id = isObject(part) ? part["id"] : null;
    if (Number.isSafeInteger(id)) return String(id);
  }
  return null;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
