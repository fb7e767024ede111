/** `GET /media/{name}`: photos from R2, whole or in part, for whoever has a link that is not older than the last purge. */
import { purges } from "./cards/purges";
import { tagOf } from "./cards/card";
import type { Settings } from "./env";
import { plain, unavailable } from "./http";
import type { Link } from "./links";
import type { Turn } from "./observe";

const TYPES: Record<string, string> = { jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp" };
/** What a name stands for never changes, so a data centre may keep it: reading it takes a link all the same. */
const COLO_SECS = 7 * 24 * 3600;
const MAX_COLO_BYTES = 8 * 1024 * 1024;
const BROWSER_SECS = 3600;

export async function showMedia(turn: Turn, _settings: Settings, link: Link): Promise<Response> {
  if (!(await purges.follow(turn))) {
    turn.outcome = "purges_unknown";
    return unavailable(2);
  }
  if (link.version < purges.floor(tagOf(link.id))) {
    turn.outcome = "withdrawn";
    return plain(404);
  }
  const range = turn.request.headers.get("Range");
  return (await fromColo(turn, link)) ?? (await fromBucket(turn, link, range));
}

/** The Cache API answers ranges of what it has whole by itself. */
async function fromColo(turn: Turn, link: Link): Promise<Response | null> {
  const range = turn.request.headers.get("Range");
  const request = new Request(coloKey(link.name), range ? { headers: { Range: range } } : {});
  const found = await caches.default.match(request).catch(() => undefined);
  if (!found) return null;
  turn.outcome = "colo";
  const headers = headersOf(link);
  for (const name of ["Content-Length", "Content-Range", "ETag"]) {
    const value = found.headers.get(name);
    if (value) headers.set(name, value);
  }
  return new Response(found.body, { status: found.status, headers });
}

async function fromBucket(turn: Turn, link: Link, range: string | null): Promise<Response> {
  turn.outcome = "r2";
  const head = range ? await turn.env.MEDIA.head(link.name) : null;
  if (range && !head) return plain(404);
  const part = range && head ? readRange(range, head.size) : null;
  if (part === "unsatisfiable") return plain(416, "", { "Content-Range": `bytes */${head?.size ?? 0}` });
  const found = await turn.env.MEDIA.get(link.name, part ? { range: part } : {});
  if (!found) return plain(404);
  const headers = headersOf(link);
  headers.set("ETag", found.httpEtag);
  if (part) {
    headers.set("Content-Range", `bytes ${part.offset}-${part.offset + part.length - 1}/${found.size}`);
    headers.set("Content-Length", String(part.length));
    return new Response(found.body, { status: 206, headers });
  }
  headers.set("Content-Length", String(found.size));
  if (found.size > MAX_COLO_BYTES) return new Response(found.body, { headers });
  const [now, later] = found.body.tee();
  const kept = new Headers(headers);
  kept.set("Cache-Control", `max-age=${COLO_SECS}`);
  turn.ctx.waitUntil(caches.default.put(coloKey(link.name), new Response(later, { headers: kept })).catch(() => undefined));
  return new Response(now, { headers });
}

function headersOf(link: Link): Headers {
  const left = Math.max(0, Math.floor(link.ends - Date.now() / 1000));
  return new Headers({
    "Accept-Ranges": "bytes",
    "Cache-Control": `private, max-age=${Math.min(BROWSER_SECS, left)}, immutable`,
    "Content-Type": TYPES[link.name.split(".").pop() ?? ""] ?? "application/octet-stream",
  });
}

/** One range of bytes; null for what is none, which is answered as if it had not been asked (RFC 9110, 14.2). */
export function readRange(header: string, size: number): { offset: number; length: number } | "unsatisfiable" | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header);
  if (!match || (!match[1] && !match[2])) return null;
  const [first, last] = [match[1], match[2]].map((text) => (text ? Number(text) : null));
  if (first === null || first === undefined) {
    const length = Math.min(last ?? 0, size);
    return length ? { offset: size - length, length } : "unsatisfiable";
  }
  if (first >= size) return "unsatisfiable";
  const end = Math.min(last ?? size - 1, size - 1);
  return end < first ? null : { offset: first, length: end - first + 1 };
}

function coloKey(name: string): string {
  return `https://media.invalid/${name}`;
}
