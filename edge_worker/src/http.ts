/** Answers: the headers that all of them carry, and who may read them from a page. */
import type { Settings } from "./env";

const SECURITY: Record<string, string> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Referrer-Policy": "no-referrer",
  "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
const ALLOWED_HEADERS = "If-None-Match, Range";
const EXPOSED_HEADERS = "ETag, Content-Range, Retry-After";

export function plain(status: number, text = "", headers: Record<string, string> = {}): Response {
  const type = text ? { "Content-Type": "text/plain; charset=utf-8" } : {};
  return new Response(text || null, { status, headers: { "Cache-Control": "no-store", ...type, ...headers } });
}

export function json(value: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store", ...headers },
  });
}

/** Nothing happened; come back later. */
export function unavailable(retryAfterSecs: number): Response {
  return plain(503, "", { "Retry-After": String(retryAfterSecs) });
}

/** The answer, which is one of our own, as it leaves: hardened, and readable by the pages that may. */
export function dressed(response: Response, request: Request, settings: Settings | null, correlation: string): Response {
  const { headers } = response;
  for (const [name, value] of Object.entries(SECURITY)) headers.set(name, value);
  headers.set("X-Correlation-ID", correlation);
  const origin = request.headers.get("Origin");
  if (settings?.allowedOrigins.size) headers.append("Vary", "Origin");
  if (origin && settings?.allowedOrigins.has(origin)) {
    headers.set("Access-Control-Allow-Origin", origin);
    headers.set("Access-Control-Expose-Headers", EXPOSED_HEADERS);
  }
  return response;
}

/** What a page may ask of the public routes; nothing for a page of anywhere else. */
export function preflight(request: Request, settings: Settings): Response {
  if (!settings.allowedOrigins.has(request.headers.get("Origin") ?? "")) return plain(403);
  return plain(204, "", {
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": ALLOWED_HEADERS,
    "Access-Control-Max-Age": "600",
  });
}

/** The body as text, or null as soon as it is longer than that. Bytes that are no UTF-8 become U+FFFD. */
export async function readCapped(request: Request, maxBytes: number): Promise<string | null> {
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) return null;
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
