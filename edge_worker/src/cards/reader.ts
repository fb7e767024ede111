/**
 * Reads from the origin on behalf of all the world's isolates: whoever asks for the same at the same time gets the same
 * answer, from one call. An object for each shard of profiles, and one for the public config.
 */
import { DurableObject } from "cloudflare:workers";

import { settingsOf, type Env } from "../env";
import { ask, type Answer } from "../origin";
import type { Card } from "./card";

const SHARDS = 16;
const TIMEOUT_MS = 3_000;
/** After a failure nobody waits for a timeout again for this long. */
const AWAY_MS = 1_000;
const CONFIG_FRESH_MS = 3_000;
/** Who was still looking in slower layers when an answer came takes that answer. */
const SHARED_MS = 2_000;

interface Shared {
  promise: Promise<unknown>;
  until: number;
}

export class OriginReader extends DurableObject<Env> {
  private readonly shared = new Map<string, Shared>();
  private awayUntil = 0;
  private config: { body: string; readAt: number } | null = null;

  /**
   * The card now, of at least the version that the caller knows of; null when the origin is away. Who knows of a later
   * version does not share an answer that may be from before it.
   */
  readCard(id: string, known: number, correlation: string): Promise<Card | null> {
    return this.once(`${id} ${known}`, async () => {
      const filledAt = Date.now();
      const answer = await this.ask(`/profiles/${id}`, correlation);
      if (answer?.status === 404) return { version: known, body: null, filledAt };
      const version = answer?.status === 200 ? readVersion(answer.body) : null;
      return answer && version !== null ? { version, body: answer.body, filledAt } : null;
    });
  }

  /** The public config, a few seconds old at most; the last one known while the origin is away, null if there is none. */
  readConfig(correlation: string): Promise<string | null> {
    if (this.config && Date.now() - this.config.readAt < CONFIG_FRESH_MS) return Promise.resolve(this.config.body);
    return this.once("config", async () => {
      const readAt = Date.now();
      const answer = await this.ask("/config", correlation);
      if (answer?.status === 200) this.config = { body: answer.body, readAt };
      return this.config?.body ?? null;
    });
  }

  private async ask(path: string, correlation: string): Promise<Answer | null> {
    if (Date.now() < this.awayUntil) return null;
    const answer = await ask(settingsOf(this.env), path, correlation, TIMEOUT_MS);
    if (!answer || answer.status >= 500) this.awayUntil = Date.now() + AWAY_MS;
    return answer;
  }

  private once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const now = Date.now();
    for (const [old, { until }] of this.shared) if (until < now) this.shared.delete(old);
    const found = this.shared.get(key);
    if (found) return found.promise as Promise<T>;
    const shared: Shared = { promise: Promise.resolve(), until: Infinity };
    const promise = read().then(
      (found) => {
        shared.until = Date.now() + (found === null ? 0 : SHARED_MS);
        return found;
      },
      (error: unknown) => {
        shared.until = 0;
        throw error;
      },
    );
    shared.promise = promise;
    this.shared.set(key, shared);
    return promise;
  }
}

function readVersion(body: string): number | null {
  try {
    const { version } = JSON.parse(body) as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : null;
  } catch {
    return null;
  }
}

export function readerOf(env: Env, id: string): DurableObjectStub<OriginReader> {
  return env.READERS.getByName(id === "config" ? id : `profiles/${parseInt(id.slice(0, 4), 16) % SHARDS}`);
}
