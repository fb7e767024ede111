/**
 * This isolate's copy of the purge log. It is read again once a second while there is traffic, beside it; a request that
 * finds it older than 2.5 s waits for it. So a purge holds everywhere within that time, whatever is still in the caches.
 */
import type { Env } from "../env";
import type { Turn } from "../observe";
import type { News, PurgeLog } from "./purge_log";

const REFRESH_AFTER_MS = 1_000;
const TOO_OLD_MS = 2_500;
const TIMEOUT_MS = 2_000;
const MAX_REMEMBERED = 300_000;

export function purgeLog(env: Env): DurableObjectStub<PurgeLog> {
  return env.PURGES.getByName("all");
}

export class Purges {
  private versions = new Map<string, number>();
  private sequence = 0;
  private readAt = -Infinity;
  private refreshAt = -Infinity;
  private underWay: Promise<boolean> | null = null;

  /** Makes the copy recent enough. False when it cannot be: then nothing cached may be served. */
  async follow(turn: Turn): Promise<boolean> {
    const age = Date.now() - this.readAt;
    if (age < REFRESH_AFTER_MS) return true;
    const refreshed = this.refreshOnce(turn);
    return age < TOO_OLD_MS || within(TIMEOUT_MS, refreshed).catch(() => false);
  }

  /** One request asks for all; for another one, should it have ended over that. */
  private refreshOnce(turn: Turn): Promise<boolean> {
    if (!this.underWay || Date.now() - this.refreshAt >= TIMEOUT_MS) {
      const refreshed = this.refresh(turn.env).finally(() => {
        if (this.underWay === refreshed) this.underWay = null;
      });
      this.underWay = refreshed;
      turn.ctx.waitUntil(refreshed);
    }
    return this.underWay;
  }

  /** The version below which nothing of it may be served; 0 when it was not purged lately. */
  floor(tag: string): number {
    return this.versions.get(tag) ?? 0;
  }

  private take(from: number, { sequence, purges }: News): void {
    if (from === 0) this.versions = new Map();
    for (const { tag, version } of purges) this.versions.set(tag, Math.max(version, this.floor(tag)));
    this.sequence = sequence;
  }

  private async refresh(env: Env): Promise<boolean> {
    const began = Date.now();
    this.refreshAt = began;
    try {
      // An isolate may live for days: when it remembers far more than the log still has, it starts again.
      const from = this.versions.size > MAX_REMEMBERED ? 0 : this.sequence;
      const news = await within(TIMEOUT_MS, purgeLog(env).since(from));
      if (news.sequence >= this.sequence) this.take(from, news);
      this.readAt = Math.max(this.readAt, began);
      return true;
    } catch {
      return false;
    }
  }
}

/** The isolate's own. */
export const purges = new Purges();

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const timeout = scheduler.wait(ms).then(() => {
    throw new Error("timeout");
  });
  return Promise.race([promise, timeout]);
}
