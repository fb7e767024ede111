/** `GET /config`: what every client may know of flags and limits, and with a link what holds for one member alone. */
import { readerOf } from "./cards/reader";
import type { Settings } from "./env";
import { plain, unavailable } from "./http";
import type { Link } from "./links";
import type { Turn } from "./observe";

/** With what the reader adds (cards/reader.ts) an answer is five seconds old at most while the origin answers. */
const FRESH_MS = 2_000;
/** While the origin is away an older one will do, but not for ever: a flag may have been killed for a reason. */
const LIFETIME_MS = 10 * 60_000;
const MAX_KNOWN = 10_000;

interface Known {
  /** null: there is no such member. */
  body: string | null;
  readAt: number;
}

const ofMembers = new Map<string, Known>();
let ofAll: Known | undefined;

export async function showConfig(turn: Turn, _settings: Settings): Promise<Response> {
  turn.outcome = "memory";
  if (!isYounger(ofAll, FRESH_MS)) {
    turn.outcome = "origin";
    ofAll = (await dated(readerOf(turn.env, "config").readConfig(turn.correlation))) ?? ofAll;
  }
  if (!ofAll?.body) return unavailable(2);
  return answered(ofAll.body, "public, max-age=2");
}

export async function showMembersConfig(turn: Turn, _settings: Settings, { id }: Link): Promise<Response> {
  turn.outcome = "memory";
  let known = ofMembers.get(id);
  if (!isYounger(known, FRESH_MS)) {
    turn.outcome = "origin";
    known = (await dated(readerOf(turn.env, id).readMembersConfig(id, turn.correlation))) ?? known;
    if (ofMembers.size >= MAX_KNOWN) ofMembers.clear();
    if (known) ofMembers.set(id, known);
  }
  if (!known || !isYounger(known, LIFETIME_MS)) return unavailable(2);
  return known.body === null ? plain(404) : answered(known.body, "private, max-age=2");
}

function isYounger(known: Known | undefined, ms: number): boolean {
  return known !== undefined && Date.now() - known.readAt < ms;
}

/** null when the origin is away. */
async function dated(answer: Promise<{ body: string | null } | null>): Promise<Known | null> {
  const readAt = Date.now();
  const found = await answer.catch(() => null);
  return found && { body: found.body, readAt };
}

function answered(body: string, caching: string): Response {
  return new Response(body, { headers: { "Content-Type": "application/json", "Cache-Control": caching } });
}
