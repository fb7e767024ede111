/** Which route a request is for. Only one spelling of each path is known; everything else is 404 and costs nothing. */
import { showCard } from "./cards/cards";
import { takePurges } from "./cards/purge";
import { showConfig, showMembersConfig } from "./config";
import type { Settings } from "./env";
import { plain, preflight } from "./http";
import { readLink, type Link, type LinkKind } from "./links";
import { showMedia } from "./media";
import type { Turn } from "./observe";
import { takeUpdate } from "./telegram/webhook";

type Handler = (turn: Turn, settings: Settings) => Promise<Response>;

interface Route {
  name: string;
  method: "GET" | "POST";
  /** May pages of the allowed origins read it? */
  isPublic: boolean;
  handle: Handler;
}

const EXACT: Record<string, Route> = {
  "/telegram/webhook": { name: "webhook", method: "POST", isPublic: false, handle: takeUpdate },
  "/internal/purge": { name: "purge", method: "POST", isPublic: false, handle: takePurges },
  "/healthz": { name: "healthz", method: "GET", isPublic: false, handle: live },
  "/config": { name: "config", method: "GET", isPublic: true, handle: limited(showConfig) },
};
const PROFILES: Route = { name: "profile", method: "GET", isPublic: true, handle: linked("profile", showCard) };
const MEDIA: Route = { name: "media", method: "GET", isPublic: true, handle: linked("media", showMedia) };
const MEMBERS_CONFIG: Route = { name: "config", method: "GET", isPublic: true, handle: linked("config", showMembersConfig) };
const RETRY_AFTER_SECS = "30";

/** Path and query as they were sent. */
export function targetOf(request: Request): string {
  return request.url.slice(request.url.indexOf("/", "https://".length));
}

export function routeOf(target: string): Route | null {
  if (Object.hasOwn(EXACT, target)) return EXACT[target] ?? null;
  if (target.startsWith("/profiles/")) return PROFILES;
  if (target.startsWith("/config?")) return MEMBERS_CONFIG;
  return target.startsWith("/media/") ? MEDIA : null;
}

export async function answer(turn: Turn, settings: Settings, route: Route): Promise<Response> {
  const { method } = turn.request;
  if (method === "OPTIONS" && route.isPublic) return preflight(turn.request, settings);
  if (method !== route.method) return plain(405, "", { Allow: route.method });
  return route.handle(turn, settings);
}

async function live(turn: Turn): Promise<Response> {
  turn.outcome = "live";
  return plain(200, "ok");
}

function limited(handle: Handler): Handler {
  return async (turn, settings) => {
    const { success } = await turn.env.ADDRESS_LIMIT.limit({ key: turn.address });
    return success ? handle(turn, settings) : tooMany(turn);
  };
}

/** Who has no genuine link learns nothing, not even whether there would be anything. */
function linked(
  kind: LinkKind,
  handle: (turn: Turn, settings: Settings, link: Link) => Promise<Response>,
): Handler {
  return limited(async (turn, settings) => {
    const link = await readLink(kind, targetOf(turn.request), settings);
    if (!link) {
      turn.outcome = "unsigned";
      return plain(404);
    }
    if (link.viewer && !(await turn.env.MEMBER_LIMIT.limit({ key: link.viewer })).success) return tooMany(turn);
    return handle(turn, settings, link);
  });
}

function tooMany(turn: Turn): Response {
  turn.outcome = "limited";
  return plain(429, "", { "Retry-After": RETRY_AFTER_SECS });
}
