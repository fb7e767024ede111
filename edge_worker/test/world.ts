/** The worker as its callers see it, and an origin that does what a test says. */
import { env } from "cloudflare:workers";
import { createExecutionContext, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";

import type { Env } from "../src/env";
import worker from "../src/index";
import { Purges, purges } from "../src/cards/purges";
import { signCall, signLink } from "../src/signing";
import type { Backlog } from "../src/telegram/backlog";

export const bindings = env as unknown as Env;
export const SECRET = "telegram-knows-this";
export const SHARED = bindings.EDGE_SHARED_SECRET.split(",");
export const EDGE = "https://edge.test";

export interface Asked {
  method: string;
  path: string;
  body: string;
  headers: Headers;
}

type Says = (asked: Asked) => Response | Promise<Response>;

/** What the origin was asked, in order; `says` is what it answers. */
export class Origin {
  readonly asked: Asked[] = [];
  says: Says = () => new Response();

  constructor() {
    Object.assign(purges, new Purges()); // the isolate outlives the tests' storage
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input as RequestInfo, init as RequestInit);
      const url = new URL(request.url);
      if (url.origin !== "https://origin.test") throw new Error(`not the origin: ${url.origin}`);
      const asked = {
        method: request.method,
        path: url.pathname + url.search,
        body: await request.text(),
        headers: request.headers,
      };
      this.asked.push(asked);
      return Promise.race([this.says(asked), abortOf(init?.signal)]);
    });
  }

  away(): void {
    this.says = () => {
      throw new TypeError("connection refused");
    };
  }

  paths(): string[] {
    return this.asked.map(({ path }) => path);
  }

  updateIds(): number[] {
    return this.asked.map(({ body }) => (JSON.parse(body) as { update_id: number }).update_id);
  }
}

/** Rejects as fetch does when its signal says so. */
function abortOf(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
}

export function ask(path: string, init: RequestInit = {}, ctx = createExecutionContext()): Promise<Response> {
  return worker.fetch(new Request(EDGE + path, init) as Incoming, bindings, ctx);
}

type Incoming = Request<unknown, IncomingRequestCfProperties>;

export function message(id: number, chat: number, text = "hello"): object {
  return { update_id: id, message: { message_id: id, chat: { id: chat, type: "private" }, from: { id: chat }, text } };
}

export function tap(id: number, member: number, language = "en"): object {
  return {
    update_id: id,
    callback_query: { id: String(900_000 + id), from: { id: member, language_code: language }, data: "like:1" },
  };
}

export function tell(update: unknown, secret = SECRET, init: RequestInit = {}): Promise<Response> {
  const body = typeof update === "string" ? update : JSON.stringify(update);
  const headers = { "Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret };
  return ask("/telegram/webhook", { method: "POST", body, headers, ...init });
}

export async function profileLink(id: string, { version = 1, secs = 3600, secrets = SHARED, viewer = "0123456789abcdef" } = {}) {
  const ends = Math.floor(Date.now() / 1000) + secs;
  const target = `/profiles/${id}?e=${ends}&v=${version}&w=${viewer}`;
  return `${target}&sig=${await signLink(secrets, target)}`;
}

export async function configLink(member: string, { secs = 3600, secrets = SHARED } = {}) {
  const target = `/config?e=${Math.floor(Date.now() / 1000) + secs}&m=${member}`;
  return `${target}&sig=${await signLink(secrets, target)}`;
}

export async function mediaLink(name: string, profile: string, { version = 1, secs = 3600 } = {}) {
  const target = `/media/${name}?e=${Math.floor(Date.now() / 1000) + secs}&p=${profile}&v=${version}`;
  return `${target}&sig=${await signLink(SHARED, target)}`;
}

export async function purge(versions: Record<string, number>, secrets = SHARED): Promise<Response> {
  const purges = Object.entries(versions).map(([id, version]) => ({ tag: `profile:${id}`, version }));
  return purgeBody(JSON.stringify({ purges }), secrets);
}

export async function purgeBody(body: string, secrets = SHARED): Promise<Response> {
  const signed = await signCall(secrets, { to: "edge", method: "POST", target: "/internal/purge", body });
  return ask("/internal/purge", { method: "POST", body, headers: signedHeaders(signed) });
}

export function signedHeaders(signed: { timestamp: string; nonce: string; signature: string }): Record<string, string> {
  return {
    "X-Edge-Timestamp": signed.timestamp,
    "X-Edge-Nonce": signed.nonce,
    "X-Edge-Signature": signed.signature,
  };
}

export function card(id: string, version: number, name = "Ann"): Response {
  return Response.json({ id, version, name });
}

/** The backlog that keeps this chat, found as a webhook finds it: by what it has. */
export async function backlogs(): Promise<DurableObjectStub<Backlog>[]> {
  return [0, 1].map((shard) => bindings.BACKLOG.getByName(`2/${shard}`));
}

export async function waiting(): Promise<number> {
  const numbers = await Promise.all((await backlogs()).map((backlog) => backlog.waiting()));
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** As when that much time had gone by since they were kept. */
export async function age(ms: number): Promise<void> {
  for (const backlog of await backlogs())
    await runInDurableObject(backlog, (_, state) => {
      state.storage.sql.exec("UPDATE updates SET kept_at = kept_at - ?", ms);
    });
}
