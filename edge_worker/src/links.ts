/**
 * Links that the origin has signed. Only one spelling of a link is valid: these parameters, in this order, nothing else.
 *
 *   /profiles/<id>?e=<ends>&v=<version>&w=<viewer>&sig=<signature>      one viewer's link to one profile
 *   /config?e=<ends>&m=<member>&sig=<signature>                         what holds for that member
 *   /media/<name>?e=<ends>&p=<profile>&v=<version>&sig=<signature>      a photo on that profile's card
 *
 * `w` is a pseudonym under which the viewer's reads are limited. A media link of an older version than the latest purge
 * of its profile is dead.
 */
import type { Settings } from "./env";
import { isSignedLink } from "./signing";

export type LinkKind = "profile" | "media" | "config";

export interface Link {
  /** Whose card, photo or config it is. */
  id: string;
  version: number;
  ends: number;
  /** Whose reads are counted; empty for media, which are the same for every viewer. */
  viewer: string;
  /** Of a photo; empty for all else. */
  name: string;
}

const ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const NUMBER = "(?:0|[1-9]\\d{0,14})";
const NAME = "photos/(?:\\d{4}/\\d{2}/)?[A-Za-z0-9_-]{1,100}\\.(?:jpg|jpeg|png|webp)";
const SIGNATURE = "sig=(?<sig>[0-9a-f]{64})";
const PATTERNS: Record<LinkKind, RegExp> = {
  profile: new RegExp(`^/profiles/(?<id>${ID})\\?e=(?<e>${NUMBER})&v=(?<v>${NUMBER})&w=(?<w>[0-9a-f]{16})&${SIGNATURE}$`),
  media: new RegExp(`^/media/(?<name>${NAME})\\?e=(?<e>${NUMBER})&p=(?<id>${ID})&v=(?<v>${NUMBER})&${SIGNATURE}$`),
  config: new RegExp(`^/config\\?e=(?<e>${NUMBER})&m=(?<id>${ID})&${SIGNATURE}$`),
};
const SIGNATURE_CHARS = "&sig=".length + 64;

// A link that was found genuine once need not be computed again as long as it lives.
const genuine = new Map<string, Link>();
const MAX_GENUINE = 20_000;

/** The link that `target` (path and query) is; null when it is none of the origin's, or has ended. */
export async function readLink(kind: LinkKind, target: string, settings: Settings): Promise<Link | null> {
  const now = Date.now() / 1000;
  const known = genuine.get(target);
  if (known) return known.ends > now ? known : null;
  const link = parse(kind, target);
  if (!link || link.ends <= now) return null;
  const signed = target.slice(0, -SIGNATURE_CHARS);
  if (!(await isSignedLink(settings.sharedSecrets, signed, target.slice(-64)))) return null;
  if (genuine.size >= MAX_GENUINE) genuine.clear();
  genuine.set(target, link);
  return link;
}

function parse(kind: LinkKind, target: string): Link | null {
  const found = PATTERNS[kind].exec(target)?.groups;
  if (!found) return null;
  const id = found["id"] ?? "";
  return {
    id,
    version: Number(found["v"] ?? 0),
    ends: Number(found["e"]),
    viewer: kind === "config" ? id : (found["w"] ?? ""),
    name: found["name"] ?? "",
  };
}
