/** The way to the origin: signed, with a timeout that covers the whole answer, and no redirects. */
import type { Settings } from "./env";
import { correlated } from "./observe";
import { signCall } from "./signing";

export interface Answer {
  status: number;
  type: string;
  body: string;
}

/** null: no answer in time, or none at all. */
export async function call(url: string, init: RequestInit, timeoutMs: number): Promise<Answer | null> {
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    const body = await response.text();
    return { status: response.status, type: response.headers.get("Content-Type") ?? "", body };
  } catch {
    return null;
  }
}

/** A signed GET of the origin's API for the edge. */
export async function ask(settings: Settings, path: string, correlation: string, timeoutMs: number): Promise<Answer | null> {
  const target = `/api/v1/edge${path}`;
  const signed = await signCall(settings.sharedSecrets, { to: "origin", method: "GET", target, body: "" });
  const headers = correlated(correlation, {
    "X-Edge-Timestamp": signed.timestamp,
    "X-Edge-Nonce": signed.nonce,
    "X-Edge-Signature": signed.signature,
  });
  return call(settings.origin + target, { headers }, timeoutMs);
}
