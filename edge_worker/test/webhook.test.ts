import { env } from "cloudflare:workers";
import { reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Env } from "../src/env";
import { age, ask, backlogs, message, Origin, SECRET, tap, tell, waiting } from "./world";

const DAY_MS = 24 * 3600_000;
let origin: Origin;

beforeEach(() => {
  origin = new Origin();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

async function deliver(): Promise<void> {
  for (const backlog of await backlogs()) await runDurableObjectAlarm(backlog);
}

describe("while the origin answers", () => {
  it("passes the update on as it is, with the secret and an id to log under", async () => {
    const sent = JSON.stringify(message(1, 7));
    expect((await tell(sent)).status).toBe(200);
    const [asked] = origin.asked;
    expect(asked).toMatchObject({ method: "POST", path: "/telegram/webhook", body: sent });
    expect(asked?.headers.get("X-Telegram-Bot-Api-Secret-Token")).toBe(SECRET);
    expect(asked?.headers.get("X-Correlation-ID")).toMatch(/^[\w-]{8,40}$/);
  });

  it("gives Telegram the origin's answer, a method to call included", async () => {
    const method = { method: "answerCallbackQuery", callback_query_id: "900002", text: "liked" };
    origin.says = () => Response.json(method);
    const response = await tell(tap(2, 7));
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(await response.json()).toEqual(method);
  });

  it.each([400, 413])("gives Telegram the origin's refusal %d, and keeps nothing", async (status) => {
    origin.says = () => new Response("no", { status });
    expect((await tell(message(3, 7))).status).toBe(status);
    expect(await waiting()).toBe(0);
  });
});

describe("who may post, and what", () => {
  it("lets the secret in that is being replaced", async () => {
    expect((await tell(message(1, 7), "telegram-knew-this")).status).toBe(200);
    expect(origin.asked[0]?.headers.get("X-Telegram-Bot-Api-Secret-Token")).toBe(SECRET);
  });

  it.each(["", "telegram-knows-thi", "telegram-knows-this,telegram-knew-this", "x"])("turns away the secret %j", async (secret) => {
    expect((await tell(message(1, 7), secret)).status).toBe(403);
    expect(origin.asked).toEqual([]);
  });

  it("turns away what is larger than a megabyte, said so or not", async () => {
    const large = JSON.stringify(message(1, 7, "x".repeat(1024 * 1024)));
    expect((await tell(large)).status).toBe(413);
    const body = new Blob([large]).stream();
    expect((await tell("", SECRET, { body })).status).toBe(413);
    expect(origin.asked).toEqual([]);
  });

  it.each([
    "", "hello", "[]", "null", "{}", "7", '{"update_id": "1"}', '{"update_id": -1}', '{"update_id": 1.5}',
    '{"update_id": 1, "message": []}', '{"update_id": 1, "message": {}, "callback_query": {}}',
    '{"update_id": 1, "__proto__": {}}', '{"update_id": 1, "callback_query": {"id": "1"}}',
    '{"update_id": 1, "callback_query": {"id": "a\\nb", "from": {"id": 1}}}',
  ])("turns away what is no update: %s", async (body) => {
    expect((await tell(body)).status).toBe(400);
    expect(origin.asked).toEqual([]);
  });

  it("lets only Telegram's addresses in where they are given", async () => {
    const { settingsOf } = await import("../src/env");
    const { isInRanges } = await import("../src/env");
    const strict = { ...(env as unknown as Env), TELEGRAM_IP_RANGES: "149.154.160.0/20,91.108.4.0/22" };
    const { telegramRanges } = settingsOf(strict);
    for (const address of ["149.154.160.1", "149.154.175.255", "91.108.7.9"]) expect(isInRanges(address, telegramRanges)).toBe(true);
    for (const address of ["149.154.176.0", "91.108.8.1", "10.0.0.1", "local", "::1"]) expect(isInRanges(address, telegramRanges)).toBe(false);
  });

  it.each(["GET", "PUT", "DELETE"])("knows no %s", async (method) => {
    const response = await ask("/telegram/webhook", { method });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "POST"]);
  });
});

describe("while the origin is away", () => {
  it.each([
    ["refuses connections", () => { throw new TypeError("refused"); }],
    ["says 503", () => new Response("", { status: 503 })],
    ["says 502", () => new Response("", { status: 502 })],
    ["sends elsewhere", () => new Response("", { status: 302, headers: { Location: "https://origin.test/x" } })],
    ["does not know the secret yet", () => new Response("", { status: 403 })],
  ])("keeps the update when it %s, and delivers it afterwards", async (_, says) => {
    origin.says = says;
    expect((await tell(message(1, 7))).status).toBe(200);
    expect(await waiting()).toBe(1);
    origin.says = () => new Response();
    await deliver();
    expect(await waiting()).toBe(0);
    expect(origin.updateIds()).toEqual([1, 1]);
  });

  it("waits for nobody once it is known", async () => {
    origin.away();
    await tell(message(1, 7));
    origin.asked.length = 0;
    for (let id = 2; id < 30; id++) expect((await tell(message(id, 7))).status).toBe(200);
    expect(new Set(origin.updateIds()).difference(new Set([1]))).toEqual(new Set()); // a probe at most
    expect(await waiting()).toBe(29);
  });

  it.each([
    ["en", "back in a moment"], ["es", "vuelve en un momento"], ["ru", "через минуту"], ["fr", "back in a moment"],
  ])("answers a tap honestly (%s)", async (language, words) => {
    origin.away();
    const answer = await (await tell(tap(1, 7, language))).json<Record<string, string>>();
    expect(answer).toMatchObject({ method: "answerCallbackQuery", callback_query_id: "900001" });
    expect(answer["text"]).toContain(words);
  });

  it("asks Telegram to keep the update when it cannot be written down", async () => {
    vi.spyOn((env as unknown as Env).BACKLOG, "getByName").mockImplementation(() => {
      throw new Error("no object to be had");
    });
    const response = await tell(message(1, 7));
    expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
  });

  it("keeps an update once, however often Telegram posts it", async () => {
    origin.away();
    for (let times = 0; times < 3; times++) await tell(message(1, 7));
    expect(await waiting()).toBe(1);
  });
});

describe("what waits", () => {
  it("is delivered in order within each chat, and lets nothing overtake it", async () => {
    origin.away();
    for (const id of [11, 12, 13]) await tell(id === 12 ? tap(id, 7) : message(id, 7));
    for (const id of [21, 22]) await tell(message(id, 8));
    const delivered: number[] = [];
    let late: Promise<Response> | undefined;
    origin.says = async ({ body }) => {
      const { update_id: id } = JSON.parse(body) as { update_id: number };
      // While the first is on its way the member writes again: that has to wait for its turn.
      late ??= tell(message(14, 7));
      await late;
      delivered.push(id);
      return new Response();
    };
    await deliver();
    await deliver();
    expect(delivered.filter((id) => id < 20)).toEqual([11, 12, 13, 14]);
    expect(delivered.filter((id) => id > 20)).toEqual([21, 22]);
    expect(await waiting()).toBe(0);
  });

  it("is probed with one update at a time until one goes through", async () => {
    origin.away();
    for (let chat = 1; chat <= 20; chat++) await tell(message(chat, chat));
    origin.asked.length = 0;
    await deliver();
    expect(origin.asked.length).toBeLessThanOrEqual(2); // one for each shard
    expect(await waiting()).toBe(20);
  });

  it("survives a restart, and is taken up again", async () => {
    origin.away();
    await tell(message(1, 7));
    for (const backlog of await backlogs())
      await runInDurableObject(backlog, (_, state) => state.storage.deleteAlarm());
    const { abortAllDurableObjects } = await import("cloudflare:test");
    await abortAllDurableObjects();
    origin.says = () => new Response();
    expect(await waiting()).toBe(1);
    await deliver();
    expect(await waiting()).toBe(0);
  });

  it("lets a tap go that is older than Telegram remembers it, and counts it", async () => {
    const counted = vi.spyOn((env as unknown as Env).COUNTERS, "writeDataPoint");
    origin.away();
    await tell(tap(1, 7));
    await tell(message(2, 7));
    await age(151_000);
    origin.says = () => new Response();
    origin.asked.length = 0;
    await deliver();
    expect(origin.updateIds()).toEqual([2]);
    expect(counted.mock.calls.map(([point]) => point?.indexes?.[0])).toContain("stale_tap");
  });

  it("goes to the dead-letter queue after a day, in parts that fit", async () => {
    const sent = vi.spyOn((env as unknown as Env).DEAD_UPDATES, "send").mockResolvedValue(undefined as never);
    origin.away();
    const update = message(1, 7, "x".repeat(70_000));
    await tell(update);
    await age(DAY_MS + 1000);
    await deliver();
    expect(await waiting()).toBe(0);
    const parts = sent.mock.calls.map(([part]) => part as { update_id: number; part: number; body: string });
    expect(parts.map(({ part }) => part)).toEqual([0, 1, 2]);
    expect(JSON.parse(parts.map(({ body }) => body).join(""))).toEqual(update);
  });

  it("stays when the dead-letter queue cannot be reached", async () => {
    vi.spyOn((env as unknown as Env).DEAD_UPDATES, "send").mockRejectedValue(new Error("no queue"));
    origin.away();
    await tell(message(1, 7));
    await age(DAY_MS + 1000);
    await deliver();
    expect(await waiting()).toBe(1);
  });

  it("is not held up for long by a chat that alone fails", async () => {
    origin.says = ({ body }) => new Response("", { status: body.includes("poison") ? 500 : 200 });
    await tell(message(1, 7, "poison"));
    for (let round = 0; round < 10; round++) await deliver();
    origin.asked.length = 0;
    await Promise.all([tell(message(50, 8)), tell(message(51, 9))]);
    await deliver();
    expect(origin.updateIds()).toEqual(expect.arrayContaining([50, 51]));
    expect(await waiting()).toBe(1);
  });
});
