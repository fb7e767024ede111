/** A profile card as the layers of the cache hold it: the same for every viewer. */
export interface Card {
  /** The profile's version that it shows at least. */
  version: number;
  /** The JSON that the origin answered; null: there is nothing to show, and that is worth remembering briefly. */
  body: string | null;
  filledAt: number;
}

/**
 * Served as it is for this long, then still served while it is being read anew. Long, for what changes is purged: how many
 * reads fall into this time decides how many of them reach the origin (docs/edge.md). Shorter than the purge log remembers
 * (purge_log.ts) and than links to photos live (apps/core/edge_signing.py).
 */
export const FRESH_MS = 10 * 3600_000;
export const LIFETIME_MS = 11 * 3600_000;
export const NEGATIVE_MS = 10_000;

export function tagOf(id: string): string {
  return `profile:${id}`;
}

export function isFresh(card: Card): boolean {
  return Date.now() - card.filledAt < (card.body === null ? NEGATIVE_MS : FRESH_MS);
}

/**
 * May it be served? Not once its time is over or a newer version is known of: `floor` from the purge log, `asked` from
 * the link. That there is nothing to show is not contradicted by a link, which may be older.
 */
export function isUsable(card: Card, floor: number, asked: number): boolean {
  const lifetime = card.body === null ? NEGATIVE_MS : LIFETIME_MS;
  if (Date.now() - card.filledAt >= lifetime || card.version < floor) return false;
  return card.body === null || card.version >= asked;
}
