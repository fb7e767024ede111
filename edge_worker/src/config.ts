/** `GET /config`: the flags and limits that every client may know, as the origin answers them, a few seconds old. */
import { readerOf } from "./cards/reader";
import type { Settings } from "./env";
import { unavailable } from "./http";
import type { Turn } from "./observe";

const FRESH_MS = 2_000;
let known: { body: string; readAt: number } | null = null;

export async function showConfig(turn: Turn, _settings: Settings): Promise<Response> {
  if (!known || Date.now() - known.readAt >= FRESH_MS) {
    const readAt = Date.now();
    const body = await readerOf(turn.env, "config").readConfig(turn.correlation).catch(() => null);
    if (body !== null) known = { body, readAt };
    turn.outcome = "origin";
  } else {
    turn.outcome = "memory";
  }
  if (!known) return unavailable(2);
  const headers = { "Content-Type": "application/json", "Cache-Control": "public, max-age=2" };
  return new Response(known.body, { headers });
}
