/** `POST /internal/purge`: the origin says what has changed. Answered 200 once it is written down for all. */
import type { Settings } from "../env";
import { plain, readCapped, unavailable } from "../http";
import { count, type Turn } from "../observe";
import { isSignedCall } from "../signing";
import { Colo, Everywhere, memory } from "./layers";
import type { Purge } from "./purge_log";
import { purgeLog } from "./purges";

export const MAX_PURGES = 200;
const MAX_BODY_BYTES = 64 * 1024;
const TAG = /^profile:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export async function takePurges(turn: Turn, settings: Settings): Promise<Response> {
  const { headers } = turn.request;
  const body = await readCapped(turn.request, MAX_BODY_BYTES);
  if (body === null) return plain(413);
  const nonce = headers.get("X-Edge-Nonce") ?? "";
  const signed = {
    timestamp: headers.get("X-Edge-Timestamp") ?? "",
    nonce,
    signature: headers.get("X-Edge-Signature") ?? "",
  };
  const call = { to: "edge", method: "POST", target: "/internal/purge", body } as const;
  if (!(await isSignedCall(settings.sharedSecrets, call, signed))) return plain(403);
  const purges = readPurges(body);
  if (!purges) return plain(400);
  return carryOut(turn, nonce, purges);
}

/**
 * The log first: from then on nothing older is served. Then the copies themselves go, as far as they can be reached from
 * here; the origin sends its purges again when that fails.
 */
async function carryOut(turn: Turn, nonce: string, purges: Purge[]): Promise<Response> {
  try {
    if (!(await purgeLog(turn.env).append(nonce, purges))) return plain(409);
    const layers = [memory, new Colo(), new Everywhere(turn.env)];
    const ids = purges.map(({ tag }) => tag.slice("profile:".length));
    await Promise.all(ids.flatMap((id) => layers.map((layer) => layer.drop(id))));
  } catch {
    turn.outcome = "not_purged";
    return unavailable(1);
  }
  turn.outcome = "purged";
  count(turn.env, "purged", purges.length);
  return plain(200);
}

function readPurges(body: string): Purge[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const purges = (parsed as { purges?: unknown } | null)?.purges;
  if (!Array.isArray(purges) || !purges.length || purges.length > MAX_PURGES) return null;
  return purges.every(isPurge) ? purges : null;
}

function isPurge(value: unknown): value is Purge {
  const purge = value as Partial<Purge> | null;
  return typeof purge?.tag === "string" && TAG.test(purge.tag) && Number.isSafeInteger(purge.version) && purge.version! >= 0;
}
