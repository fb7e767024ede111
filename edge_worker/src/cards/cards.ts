/** `GET /profiles/{id}`: from the nearest layer that has it, and from the origin when none has. */
import type { Settings } from "../env";
import { plain, unavailable } from "../http";
import type { Turn } from "../observe";
import type { Link } from "../links";
import { isFresh, isUsable, tagOf, type Card } from "./card";
import { Colo, Everywhere, memory, type Layer } from "./layers";
import { purges } from "./purges";
import { readerOf } from "./reader";

const RETRY_AFTER_SECS = 2;
const REVALIDATE_AGAIN_MS = 5_000;
const revalidated = new Map<string, number>();

export async function showCard(turn: Turn, _settings: Settings, link: Link): Promise<Response> {
  const card = await find(turn, link);
  if (!card) {
    turn.outcome = "origin_away";
    return unavailable(RETRY_AFTER_SECS);
  }
  if (card.body === null) return plain(404);
  const etag = `"${card.version}"`;
  // A copy in a browser cannot be purged: it is asked for again every time, which costs next to nothing.
  const headers = { "Cache-Control": "private, no-cache", ETag: etag };
  if (turn.request.headers.get("If-None-Match") === etag) return new Response(null, { status: 304, headers });
  return new Response(card.body, { headers: { "Content-Type": "application/json", ...headers } });
}

/** null: no layer has it and the origin is away. */
async function find(turn: Turn, { id, version }: Link): Promise<Card | null> {
  const mayServeCached = await purges.follow(turn);
  const floor = purges.floor(tagOf(id));
  const missed: Layer[] = [memory];
  if (mayServeCached) {
    const near = memory.peek(id);
    if (near && isUsable(near, floor, version)) return served(turn, id, floor, near, memory, []);
    for (const layer of [new Colo(), new Everywhere(turn.env)]) {
      const card = await layer.get(id).catch(() => null);
      if (card && isUsable(card, floor, version)) return served(turn, id, floor, card, layer, missed);
      missed.push(layer);
    }
  }
  turn.outcome = "origin";
  const card = await readerOf(turn.env, id).readCard(id, Math.max(floor, version), turn.correlation);
  if (card) await fill(turn, id, card, missed);
  return card;
}

async function served(turn: Turn, id: string, floor: number, card: Card, from: Layer, missed: Layer[]): Promise<Card> {
  turn.outcome = from.name;
  if (missed.length) await fill(turn, id, card, missed);
  if (!isFresh(card)) revalidate(turn, id, floor);
  return card;
}

/** Into memory at once, into the others when the answer is on its way. */
async function fill(turn: Turn, id: string, card: Card, layers: Layer[]): Promise<void> {
  await memory.put(id, card);
  for (const layer of layers) if (layer !== memory) turn.ctx.waitUntil(layer.put(id, card).catch(() => undefined));
}

/** Beside the answer, and by one request at a time. */
function revalidate(turn: Turn, id: string, floor: number): void {
  const now = Date.now();
  if (now - (revalidated.get(id) ?? 0) < REVALIDATE_AGAIN_MS) return;
  if (revalidated.size > 10_000) revalidated.clear();
  revalidated.set(id, now);
  turn.ctx.waitUntil(readAnew(turn, id, floor).catch(() => undefined));
}

/** From the origin, unless somebody elsewhere has done so: then a farther layer has it fresh. */
async function readAnew(turn: Turn, id: string, floor: number): Promise<void> {
  const nearer: Layer[] = [memory];
  for (const layer of [new Colo(), new Everywhere(turn.env)]) {
    const card = await layer.get(id).catch(() => null);
    if (card && isFresh(card) && isUsable(card, floor, floor)) return fill(turn, id, card, nearer);
    nearer.push(layer);
  }
  const card = await readerOf(turn.env, id).readCard(id, floor, turn.correlation);
  if (card) await fill(turn, id, card, nearer);
}
