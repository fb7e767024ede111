/**
 * The one list of what has been purged, and up to which version: `profile:<id>` at 7 means that nothing of that profile
 * older than its version 7 may be served. Every isolate follows it (purges.ts), so no layer has to be reached to be out
 * of date. An entry is kept for longer than anything that it could speak of is cached, or any media link lives.
 */
import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env";

export interface Purge {
  tag: string;
  version: number;
}

export interface News {
  sequence: number;
  purges: Purge[];
}

/** Media links live for 13 hours at most (apps/core/edge_signing.py), cards for eleven. */
const KEPT_MS = 13.5 * 3600_000;
const NONCES_KEPT_MS = 10 * 60_000;
const TABLES = `
  CREATE TABLE IF NOT EXISTS purges (tag TEXT PRIMARY KEY, version INTEGER, sequence INTEGER, at INTEGER) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS purges_by_sequence ON purges (sequence);
  CREATE INDEX IF NOT EXISTS purges_by_age ON purges (at);
  CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER);
  INSERT OR IGNORE INTO state VALUES (1, 0);
`;

export class PurgeLog extends DurableObject<Env> {
  private readonly sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(TABLES);
  }

  /** Writes the purges down; false for a call that was made before. An older version never replaces a newer one. */
  append(nonce: string, purges: readonly Purge[]): boolean {
    const now = Date.now();
    const { rowsWritten } = this.sql.exec("INSERT OR IGNORE INTO nonces VALUES (?, ?)", nonce, now);
    if (!rowsWritten) return false;
    const { sequence } = this.sql
      .exec<{ sequence: number }>("UPDATE state SET sequence = sequence + 1 RETURNING sequence")
      .one();
    for (const { tag, version } of purges)
      this.sql.exec(
        `INSERT INTO purges VALUES (?, ?, ?, ?) ON CONFLICT (tag) DO UPDATE
         SET version = excluded.version, sequence = excluded.sequence, at = excluded.at
         WHERE excluded.version > version`,
        tag,
        version,
        sequence,
        now,
      );
    this.sql.exec("DELETE FROM purges WHERE at < ?", now - KEPT_MS);
    this.sql.exec("DELETE FROM nonces WHERE at < ?", now - NONCES_KEPT_MS);
    return true;
  }

  /** What was purged after that sequence number (0: everything that is kept). */
  since(sequence: number): News {
    const purges = this.sql
      .exec<Purge & Record<string, SqlStorageValue>>("SELECT tag, version FROM purges WHERE sequence > ?", sequence)
      .toArray();
    const state = this.sql.exec<{ sequence: number }>("SELECT sequence FROM state").one();
    return { sequence: state.sequence, purges };
  }
}
