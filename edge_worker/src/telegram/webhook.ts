/** `POST /telegram/webhook`: straight through while the origin answers, kept while it does not. */
import { isInRanges, type Settings } from "../env";
import { json, plain, readCapped, unavailable } from "../http";
import type { Turn } from "../observe";
import { isOneOf } from "../signing";
import { PASS_TIMEOUT_MS, post } from "./delivery";
import type { Admission, Backlog } from "./backlog";
import { readUpdate, type Update } from "./update";
import { backInAMoment } from "./words";

const MAX_BODY_BYTES = 1024 * 1024;
const RETRY_AFTER_SECS = 5;

export async function takeUpdate(turn: Turn, settings: Settings): Promise<Response> {
  const { request } = turn;
  if (settings.telegramRanges.length && !isInRanges(turn.address, settings.telegramRanges)) return refuse(turn, 403);
  const secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token") ?? "";
  if (!(await isOneOf(settings.webhookSecrets, secret))) return refuse(turn, 403);
  const body = await readCapped(request, MAX_BODY_BYTES);
  if (body === null) return refuse(turn, 413);
  const update = readUpdate(body);
  if (!update) return refuse(turn, 400);
  try {
    return await pass(turn, settings, update);
  } catch {
    // The backlog cannot be asked or written to: whether the update's turn has come is unknown, so Telegram keeps it.
    turn.outcome = "backlog_away";
    return unavailable(RETRY_AFTER_SECS);
  }
}

async function pass(turn: Turn, settings: Settings, update: Update): Promise<Response> {
  const backlog = backlogOf(turn, settings, update.chat);
  const kept = {
    id: update.id,
    chat: update.chat,
    isTap: update.tap !== null,
    body: update.body,
    correlation: turn.correlation,
  };
  const admission: Admission = await backlog.admit(kept);
  if (admission === "kept") return confirmKept(turn, update);
  const answer = await post(settings, update.body, turn.correlation, PASS_TIMEOUT_MS);
  if (!answer) {
    await backlog.keep(kept);
    return confirmKept(turn, update);
  }
  turn.outcome = "passed";
  const headers = answer.type ? { "Content-Type": answer.type } : undefined;
  return new Response(answer.body || null, { status: answer.status, ...(headers && { headers }) });
}

function confirmKept(turn: Turn, update: Update): Response {
  turn.outcome = "kept";
  if (!update.tap) return plain(200);
  const { queryId, language } = update.tap;
  return json({ method: "answerCallbackQuery", callback_query_id: queryId, text: backInAMoment(language) });
}

function refuse(turn: Turn, status: number): Response {
  turn.outcome = "refused";
  return plain(status);
}

function backlogOf(turn: Turn, settings: Settings, chat: string): DurableObjectStub<Backlog> {
  const shard = hash(chat) % settings.backlogShards;
  // Telegram posts from Amsterdam, whatever the member's country.
  return turn.env.BACKLOG.getByName(`${settings.backlogShards}/${shard}`, { locationHint: "weur" });
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let place = 0; place < text.length; place++) value = Math.imul(value ^ text.charCodeAt(place), 0x01000193);
  return value >>> 0;
}
