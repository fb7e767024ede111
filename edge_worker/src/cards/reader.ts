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
/** Who was still looking in slower layers when an answer came takes that answer; so do all isolates that want a config. */
const SHARED_MS = 2_000;

interface Shared {
  promise: Promise<unknown>;
  until: number;
}

interface Config {
  /** null: there is no such member. */
  body: string | null;
}

export class OriginReader extends DurableObject<Env> {
  private readonly shared = new Map<string, Shared>();
  private awayUntil = 0;
  private config: Config | null = null;

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

  /** What holds for everybody, two seconds old at most; while the origin is away the last one known. */
  readConfig(correlation: string): Promise<Config | null> {
    return this.once("config", async () => {
      const answer = await this.ask("/config", correlation);
      if (answer?.status === 200) this.config = { body: answer.body };
      return this.config;
    });
  }

  /** What holds for that member, two seconds old at most; null when the origin is away. */
  readMembersConfig(id: string, correlation: string): Promise<Config | null> {
    return this.once(`config ${id}`, async () => {
      const answer = await this.ask(`/config/${id}`, correlation);
      if (answer?.status === 404) return { body: null };
      return answer?.status === 200 ? { body: answer.body } : null;
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
