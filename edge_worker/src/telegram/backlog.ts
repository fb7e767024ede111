/**
 * Updates that wait for the origin: one object for each shard of chats, so that the order within a chat has one keeper.
 *
 * Whoever takes an update asks it first. It keeps the update when something of its chat waits already, or when the
 * origin is known to be away: the breaker, which opens with the first failure and closes with the first success. Its
 * alarm delivers: one probe at a time while the origin is away, several chats at once while it answers, within a chat
 * always one after the other.
 */
import { DurableObject } from "cloudflare:workers";

import { settingsOf, type Env } from "../env";
import { count, log } from "../observe";
import { isRefusal, LATE_TIMEOUT_MS, post } from "./delivery";

export type Admission = "pass" | "kept";

export interface Kept {
  id: number;
  chat: string;
  isTap: boolean;
  body: string;
  correlation: string;
}

type Row = { id: number; is_tap: number; body: string; kept_at: number; correlation: string };

/** Telegram forgets a tap after this time: nobody can be answered any more, and what is done then surprises. */
export const TAP_LIFETIME_MS = 150_000;
export const LIFETIME_MS = 24 * 3600_000;
/** A worker has six connections at once. */
const LANES = 6;
const ROUND_MS = 20_000;
/** One alarm may make so many calls; the next one goes on at once. */
const ROUND_UPDATES = 900;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 1_000;
/** A chat that fails this often while others pass has something of its own: it no longer speaks for the origin. */
const SUSPECT_AFTER = 8;
const SUSPECT_PAUSE_MS = 10_000;
const DEAD_BATCH = 50;
const DEAD_PART_CHARS = 30_000;

const TABLES = `
  CREATE TABLE IF NOT EXISTS updates (
    chat TEXT, id INTEGER, is_tap INTEGER, body TEXT, kept_at INTEGER, correlation TEXT, PRIMARY KEY (chat, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS updates_by_age ON updates (kept_at);
  CREATE TABLE IF NOT EXISTS chats (chat TEXT PRIMARY KEY, attempts INTEGER, due_at INTEGER) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS chats_by_due ON chats (due_at);
`;

export class Backlog extends DurableObject<Env> {
  private readonly sql: SqlStorage;
  private isAway: boolean;
  private pauseMs = FIRST_PAUSE_MS;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(TABLES);
    // After a restart: what waits may only wait on, until a probe has gone through.
    this.isAway = this.sql.exec("SELECT 1 FROM chats LIMIT 1").toArray().length > 0;
    if (this.isAway) void ctx.blockConcurrencyWhile(() => ctx.storage.setAlarm(Date.now() + FIRST_PAUSE_MS));
  }

  /** `pass`: its turn has come, the caller delivers it. `kept`: it is written down and will be delivered. */
  async admit(update: Kept): Promise<Admission> {
    if (!this.isAway && !this.isWaiting(update.chat)) return "pass";
    await this.store(update);
    return "kept";
  }

  /** It could not be delivered. Safe to call twice. */
  async keep(update: Kept): Promise<void> {
    this.isAway = true;
    await this.store(update);
  }

  /** How many updates wait. */
  waiting(): number {
    return this.sql.exec<{ n: number }>("SELECT count(*) AS n FROM updates").one().n;
  }

  override async alarm(): Promise<void> {
    const until = Date.now() + ROUND_MS;
    try {
      await this.bury();
      const probed = await this.deliverNext(new Set());
      if (probed && !this.isAway) {
        const round = { busy: new Set<string>(), left: ROUND_UPDATES, until };
        await Promise.all(Array.from({ length: LANES }, () => this.lane(round)));
      }
    } catch (error) {
      log("backlog_failed", { error: error instanceof Error ? error.name : "unknown" });
    }
    // An alarm that fails is tried again a few times and then forgotten: this one always plans the next itself.
    await this.plan();
  }

  private async lane(round: { busy: Set<string>; left: number; until: number }): Promise<void> {
    while (!this.isAway && round.left-- > 0 && Date.now() < round.until && (await this.deliverNext(round.busy)));
  }

  /** Delivers the first update of the chat that has waited longest; false when no chat is due. */
  private async deliverNext(busy: Set<string>): Promise<boolean> {
    const chat = this.dueChat(busy);
    if (chat === null) return false;
    busy.add(chat);
    try {
      const update = this.firstAlive(chat);
      if (update) await this.deliver(chat, update);
    } catch (error) {
      log("update_not_settled", { error: error instanceof Error ? error.name : "unknown" });
      this.postpone(chat);
    } finally {
      busy.delete(chat);
    }
    return true;
  }

  /** The chat's first update; taps before it that are too old to be answered are dropped, and counted. */
  private firstAlive(chat: string): Row | undefined {
    for (let update = this.first(chat); update; update = this.first(chat)) {
      if (!update.is_tap || Date.now() - update.kept_at <= TAP_LIFETIME_MS) return update;
      count(this.env, "stale_tap");
      log("stale_tap_dropped", { correlation_id: update.correlation });
      this.settle(chat, update.id);
    }
    return undefined;
  }

  private async deliver(chat: string, update: Row): Promise<void> {
    const answer = await post(settingsOf(this.env), update.body, update.correlation, LATE_TIMEOUT_MS);
    if (!answer) {
      this.postpone(chat);
      return;
    }
    this.isAway = false;
    this.pauseMs = FIRST_PAUSE_MS;
    if (isRefusal(answer)) await this.giveUp(chat, update, `refused with ${answer.status}`);
    else count(this.env, "delivered_late");
    this.settle(chat, update.id);
  }

  private postpone(chat: string): void {
    const [row] = this.sql.exec<{ attempts: number }>(
      "UPDATE chats SET attempts = attempts + 1 WHERE chat = ? RETURNING attempts",
      chat,
    );
    const isSuspect = (row?.attempts ?? 0) >= SUSPECT_AFTER;
    this.isAway ||= !isSuspect;
    this.sql.exec("UPDATE chats SET due_at = ? WHERE chat = ?", Date.now() + (isSuspect ? SUSPECT_PAUSE_MS : 0), chat);
  }

  /** A day old: Telegram itself would have forgotten it. A human may look at it in the dead-letter queue. */
  private async bury(): Promise<void> {
    const old = this.sql
      .exec<Row & { chat: string }>(
        "SELECT * FROM updates WHERE kept_at < ? ORDER BY kept_at LIMIT ?",
        Date.now() - LIFETIME_MS,
        DEAD_BATCH,
      )
      .toArray();
    for (const update of old) {
      await this.giveUp(update.chat, update, "a day old");
      this.settle(update.chat, update.id);
    }
  }

  /** In parts, for a message of a queue has 128 KB at most. */
  private async giveUp(chat: string, update: Row, reason: string): Promise<void> {
    const parts = Math.ceil(update.body.length / DEAD_PART_CHARS);
    for (let part = 0; part < parts; part++) {
      const body = update.body.slice(part * DEAD_PART_CHARS, (part + 1) * DEAD_PART_CHARS);
      await this.env.DEAD_UPDATES.send({ update_id: update.id, chat, reason, kept_at: update.kept_at, part, parts, body });
    }
    count(this.env, "dead_update");
    log("update_given_up", { update_id: update.id, reason, correlation_id: update.correlation });
  }

  private async plan(): Promise<void> {
    const [next] = this.sql.exec<{ due_at: number }>("SELECT due_at FROM chats ORDER BY due_at LIMIT 1");
    if (!next) {
      this.isAway = false;
      this.pauseMs = FIRST_PAUSE_MS;
      return;
    }
    const pause = this.isAway ? this.pauseMs : 0;
    if (this.isAway) this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    await this.ctx.storage.setAlarm(Math.max(next.due_at, Date.now() + pause));
  }

  private async store(update: Kept): Promise<void> {
    const { chat, id, isTap, body, correlation } = update;
    const now = Date.now();
    this.sql.exec(
      "INSERT OR IGNORE INTO updates VALUES (?, ?, ?, ?, ?, ?)",
      chat,
      id,
      isTap ? 1 : 0,
      body,
      now,
      correlation,
    );
    this.sql.exec("INSERT OR IGNORE INTO chats VALUES (?, 0, ?)", chat, now);
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + FIRST_PAUSE_MS);
  }

  private isWaiting(chat: string): boolean {
    return this.sql.exec("SELECT 1 FROM chats WHERE chat = ?", chat).toArray().length > 0;
  }

  private dueChat(busy: Set<string>): string | null {
    const due = this.sql.exec<{ chat: string }>(
      "SELECT chat FROM chats WHERE due_at <= ? ORDER BY due_at LIMIT ?",
      Date.now(),
      busy.size + 1,
    );
    for (const { chat } of due) if (!busy.has(chat)) return chat;
    return null;
  }

  private first(chat: string): Row | undefined {
    return this.sql.exec<Row>("SELECT * FROM updates WHERE chat = ? ORDER BY id LIMIT 1", chat).toArray()[0];
  }

  /** Done with it; the chat goes to the end of the line. */
  private settle(chat: string, id: number): void {
    this.sql.exec("DELETE FROM updates WHERE chat = ? AND id = ?", chat, id);
    if (this.first(chat)) this.sql.exec("UPDATE chats SET attempts = 0, due_at = ? WHERE chat = ?", Date.now(), chat);
    else this.sql.exec("DELETE FROM chats WHERE chat = ?", chat);
  }
}
