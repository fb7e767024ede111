/** The layers of the cache, nearest first: this isolate's memory, the data centre (Cache API), everywhere (KV). */
import type { Env } from "../env";
import { LIFETIME_MS, NEGATIVE_MS, tagOf, type Card } from "./card";

export type LayerName = "memory" | "colo" | "kv";

/** A layer may forget at any time, and may be late to forget: what it has is checked against the purge log. */
export interface Layer {
  readonly name: LayerName;
  get(id: string): Promise<Card | null>;
  put(id: string, card: Card): Promise<void>;
  drop(id: string): Promise<void>;
}

const MEMORY_CHARS = 16 * 1024 * 1024;
const OVERHEAD_CHARS = 200;

/** The least recently used go first; at most 32 MB of an isolate's 128. */
export class Memory implements Layer {
  readonly name = "memory";
  private readonly cards = new Map<string, Card>();
  private chars = 0;

  constructor(private readonly maxChars = MEMORY_CHARS) {}

  /** Without a promise: this is what most reads come to. */
  peek(id: string): Card | null {
    const card = this.cards.get(id);
    if (!card) return null;
    this.cards.delete(id);
    this.cards.set(id, card);
    return card;
  }

  async get(id: string): Promise<Card | null> {
    return this.peek(id);
  }

  async put(id: string, card: Card): Promise<void> {
    await this.drop(id);
    this.cards.set(id, card);
    this.chars += size(card);
    for (const oldest of this.cards.keys()) {
      if (this.chars <= this.maxChars) break;
      await this.drop(oldest);
    }
  }

  async drop(id: string): Promise<void> {
    const card = this.cards.get(id);
    if (!card) return;
    this.cards.delete(id);
    this.chars -= size(card);
  }
}

export class Colo implements Layer {
  readonly name = "colo";

  async get(id: string): Promise<Card | null> {
    const found = await caches.default.match(coloKey(id));
    return found ? await found.json<Card>() : null;
  }

  async put(id: string, card: Card): Promise<void> {
    const secs = (card.body === null ? NEGATIVE_MS : LIFETIME_MS) / 1000;
    const headers = { "Cache-Control": `max-age=${secs}`, "Cache-Tag": tagOf(id), "Content-Type": "application/json" };
    await caches.default.put(coloKey(id), new Response(JSON.stringify(card), { headers }));
  }

  async drop(id: string): Promise<void> {
    await caches.default.delete(coloKey(id));
  }
}

/** A write costs ten reads: a card is written when it was read from the origin, at most once in its freshness. */
export class Everywhere implements Layer {
  readonly name = "kv";

  constructor(private readonly env: Env) {}

  async get(id: string): Promise<Card | null> {
    return this.env.CARDS.get<Card>(tagOf(id), "json");
  }

  async put(id: string, card: Card): Promise<void> {
    if (card.body === null) return this.drop(id); // an older copy would be found again when the others have forgotten
    await this.env.CARDS.put(tagOf(id), JSON.stringify(card), { expirationTtl: LIFETIME_MS / 1000 });
  }

  async drop(id: string): Promise<void> {
    await this.env.CARDS.delete(tagOf(id));
  }
}

function size(card: Card): number {
  return (card.body?.length ?? 0) + OVERHEAD_CHARS;
}

// Never asked for from outside: the router knows no such path.
function coloKey(id: string): string {
  return `https://cards.invalid/${id}`;
}

/** The isolate's own. */
export const memory = new Memory();
