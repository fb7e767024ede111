/** One post of an update to the origin. */
import type { Settings } from "../env";
import { correlated } from "../observe";
import { call, type Answer } from "../origin";

/** Telegram itself waits for 60 s; a member who has tapped does not. */
export const PASS_TIMEOUT_MS = 5_000;
/** Nobody waits for what is delivered late. */
export const LATE_TIMEOUT_MS = 15_000;

/**
 * The origin's verdict: it has taken the update, or will never take it (400, 413). null for everything else — away, slow,
 * 503, or a secret that it does not know (yet): then the update must be delivered again.
 */
export async function post(
  settings: Settings,
  body: string,
  correlation: string,
  timeoutMs: number,
): Promise<Answer | null> {
  const headers = correlated(correlation, {
    "Content-Type": "application/json",
    "X-Telegram-Bot-Api-Secret-Token": settings.webhookSecrets[0] ?? "",
  });
  const answer = await call(`${settings.origin}/telegram/webhook`, { method: "POST", body, headers }, timeoutMs);
  if (!answer) return null;
  const isFinal = (answer.status >= 200 && answer.status < 300) || isRefusal(answer);
  return isFinal ? answer : null;
}

export function isRefusal(answer: Answer): boolean {
  return answer.status === 400 || answer.status === 413;
}
