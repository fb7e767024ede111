/** Whatever is sent: never a 5xx, never another member's data, never a call to the origin for what is not signed. */
import { reset } from "cloudflare:test";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";

import { ask, card, mediaLink, message, Origin, profileLink, purgeBody, SECRET, signedHeaders, tap, tell } from "./world";

const ROUNDS = 200;
let origin: Origin;
let dice: () => number;

beforeEach(() => {
  vi.restoreAllMocks();
  origin = new Origin();
  origin.says = ({ path }) => card(path.split("/").pop() ?? "", 1);
  dice = seeded(20261126);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await reset();
});

/** Mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function below(limit: number): number {
  return Math.floor(dice() * limit);
}

function oneOf<T>(choices: readonly T[]): T {
  return choices[below(choices.length)]!;
}

const PIECES = [
  "/", "//", "..", "%2e%2e", "%00", "%", "?", "&", "=", "#", ";", "\\", "\u0000", "é", "😀", "profiles", "media", "telegram", "webhook",
  "internal", "purge", "photos", "config", "healthz", "e=1", "v=1", "sig=", "a".repeat(64), "0".repeat(2000), "-1", "null", "{}", "<script>",
];

function noise(): string {
  return Array.from({ length: below(8) }, () => oneOf(PIECES)).join("");
}

/** The text with one place changed, left out, doubled or with noise in it; never the text itself. */
function changed(text: string): string {
  const place = below(text.length);
  const other = String.fromCharCode(33 + below(94));
  const result = oneOf([
    () => text.slice(0, place) + other + text.slice(place + 1),
    () => text.slice(0, place) + text.slice(place + 1),
    () => text.slice(0, place) + (noise() || "x") + text.slice(place),
    () => text.slice(0, place),
  ])();
  // What stands after # is never sent.
  return new URL(result, "https://edge.test").href === new URL(text, "https://edge.test").href ? `${text}x` : result;
}

function headers(): Record<string, string> {
  const names = ["Range", "If-None-Match", "Origin", "Content-Type", "Accept", "CF-Connecting-IP", "cf-ray", "X-Correlation-ID", "X-Edge-Nonce"];
  const values = ["", "*", "bytes=0-", "bytes=-1", "bytes=9-1", "https://app.test", "null", "a".repeat(500), "\"1\"", "W/\"1\"", "127.0.0.1", "()"];
  return Object.fromEntries(Array.from({ length: below(4) }, () => [oneOf(names), oneOf(values)]));
}

async function never5xx(response: Response): Promise<string> {
  expect(response.status).toBeLessThan(500);
  return response.text();
}

describe("fuzzed", { timeout: 20_000 }, () => {
  it("paths and methods find nothing", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const method = oneOf(["GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH"]);
      const path = `/${noise()}`;
      if (path.split("#")[0] === "/config") continue;
      await never5xx(await ask(path, { method, headers: headers(), ...(method === "POST" && { body: noise() }) }));
    }
    expect(origin.asked).toEqual([]);
  });

  it("links are nothing, however close to a genuine one", async () => {
    const links = [await profileLink(crypto.randomUUID()), await mediaLink("photos/a.jpg", crypto.randomUUID())];
    for (let round = 0; round < ROUNDS; round++) {
      const link = changed(oneOf(links));
      const response = await ask(link.startsWith("/") ? link : `/${link}`, { headers: headers() });
      expect([response.status < 500, response.status === 200, link]).toEqual([true, false, link]);
      await response.text();
    }
    expect(origin.asked).toEqual([]);
  });

  it("headers change nothing of whose card is shown", async () => {
    const members = Array.from({ length: 20 }, () => crypto.randomUUID());
    for (let round = 0; round < ROUNDS; round++) {
      const id = oneOf(members);
      const response = await ask(await profileLink(id, { version: 1 }), { headers: headers() });
      const body = await never5xx(response);
      expect([200, 304]).toContain(response.status);
      expect(members.filter((member) => body.includes(member))).toEqual(response.status === 200 ? [id] : []);
    }
    expect(origin.asked.length).toBe(members.length);
  });

  it("updates are taken or refused", async () => {
    origin.says = () => new Response();
    for (let round = 0; round < ROUNDS; round++) {
      const genuine = JSON.stringify(oneOf([message(round, below(9)), tap(round, below(9))]));
      const body = oneOf([genuine, changed(genuine), noise(), genuine.slice(0, below(genuine.length))]);
      const secret = oneOf([SECRET, SECRET, SECRET, noise().replace(/[^!-~]/g, ""), ""]);
      const before = origin.asked.length;
      const response = await tell(body, secret);
      await never5xx(response);
      if (secret !== SECRET) expect(response.status).toBe(403);
      if (response.status !== 200) expect(origin.asked.length).toBe(before);
    }
  });

  it("purges are taken with a genuine signature only", async () => {
    for (let round = 0; round < ROUNDS / 4; round++) {
      const body = noise();
      await never5xx(await purgeBody(body));
      const forged = { timestamp: String(Math.floor(Date.now() / 1000)), nonce: crypto.randomUUID(), signature: "0".repeat(64) };
      const wild = { timestamp: noise(), nonce: noise(), signature: noise() };
      for (const [name, value] of Object.entries(wild)) Object.assign(wild, { [name]: value.replace(/[^!-~]/g, "").slice(0, 200) });
      for (const signed of [forged, wild])
        expect((await ask("/internal/purge", { method: "POST", body, headers: signedHeaders(signed) })).status).toBe(403);
    }
    expect(origin.asked).toEqual([]);
  });
});
