import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Colo, Everywhere, memory, Memory } from "../src/cards/layers";
import { FRESH_MS, LIFETIME_MS } from "../src/cards/card";
import { ask, bindings, card, Origin, profileLink, purge, purgeBody, SHARED } from "./world";

const DAY_SECS = 24 * 3600;
let origin: Origin;
let id: string;

beforeEach(() => {
  origin = new Origin();
  id = crypto.randomUUID();
  origin.says = ({ path }) => card(path.split("/").pop() ?? "", 1);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

/** A read whose work beside the answer is done when it returns. */
async function read(link: string, init: RequestInit = {}): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await ask(link, init, ctx);
  const body = await response.text();
  await waitOnExecutionContext(ctx);
  return new Response(body || null, response);
}

/** As for an isolate that was just started, somewhere in a data centre that has or has not the copies. */
async function forget(...layers: ("memory" | "colo" | "kv")[]): Promise<void> {
  if (layers.includes("memory")) await memory.drop(id);
  if (layers.includes("colo")) await new Colo().drop(id);
  if (layers.includes("kv")) await new Everywhere(bindings).drop(id);
}

function later(ms: number): void {
  const now = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => now + ms);
}

describe("a card", () => {
  it("is read from the origin once, signed, and then from the nearest layer that has it", async () => {
    const link = await profileLink(id);
    expect(await (await read(link)).json()).toEqual({ id, version: 1, name: "Ann" });
    const [asked] = origin.asked;
    expect(asked?.path).toBe(`/api/v1/edge/profiles/${id}`);
    expect(asked?.headers.get("X-Edge-Signature")).toMatch(/^[0-9a-f]{64}$/);
    for (const gone of [[], ["memory"], ["memory", "colo"]] as const) {
      await forget(...gone);
      expect((await read(link)).status).toBe(200);
    }
    expect(origin.asked.length).toBe(1);
    await forget("memory", "colo", "kv");
    later(2_001); // until then the last answer is shared
    await read(link);
    expect(origin.asked.length).toBe(2);
  });

  it("is the same for every viewer, each with a link of their own", async () => {
    const one = await read(await profileLink(id, { viewer: "1111111111111111" }));
    const two = await read(await profileLink(id, { viewer: "2222222222222222" }));
    expect(await one.text()).toBe(await two.text());
    expect(origin.asked.length).toBe(1);
  });

  it("costs the origin one call, however many ask at once", async () => {
    origin.says = async () => {
      await scheduler.wait(50);
      return card(id, 1);
    };
    const link = await profileLink(id);
    const answers = await Promise.all(Array.from({ length: 25 }, () => read(link)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(origin.asked.length).toBe(1);
  });

  it("is served as it was while it is read anew, and anew after that", async () => {
    const link = await profileLink(id, { secs: DAY_SECS });
    await read(link);
    origin.says = () => card(id, 1, "Anna");
    later(FRESH_MS + 1);
    expect(await (await read(link)).json()).toMatchObject({ name: "Ann" });
    expect(await (await read(link)).json()).toMatchObject({ name: "Anna" });
    expect(origin.asked.length).toBe(2);
  });

  it("that somebody elsewhere has read anew is not read from the origin again", async () => {
    const link = await profileLink(id, { secs: DAY_SECS });
    await read(link);
    later(FRESH_MS + 1);
    await new Everywhere(bindings).put(id, { version: 1, body: '{"name": "Anna"}', filledAt: Date.now() });
    await forget("colo");
    expect(await (await read(link)).json()).toMatchObject({ name: "Ann" });
    expect(await (await read(link)).json()).toMatchObject({ name: "Anna" });
    expect(origin.asked.length).toBe(1);
  });

  it("that is found gone when it is read anew is gone from every layer", async () => {
    const link = await profileLink(id, { secs: DAY_SECS });
    await read(link);
    origin.says = () => new Response("", { status: 404 });
    later(FRESH_MS + 1);
    await read(link);
    expect((await read(link)).status).toBe(404);
    expect(await new Everywhere(bindings).get(id)).toBeNull();
  });

  it("is served while the origin is away, and no longer than its lifetime", async () => {
    const link = await profileLink(id, { secs: DAY_SECS });
    await read(link);
    origin.away();
    later(LIFETIME_MS - 1000);
    expect((await read(link)).status).toBe(200);
    later(2000);
    expect((await read(link)).status).toBe(503);
  });

  it("is never older than the link", async () => {
    await read(await profileLink(id));
    origin.says = () => card(id, 2, "Anna");
    expect(await (await read(await profileLink(id, { version: 2 }))).json()).toMatchObject({ name: "Anna" });
  });

  it("that is not there is remembered briefly", async () => {
    origin.says = () => new Response("", { status: 404 });
    const link = await profileLink(id);
    expect([(await read(link)).status, (await read(link)).status]).toEqual([404, 404]);
    expect(origin.asked.length).toBe(1);
    later(11_000);
    await read(link);
    expect(origin.asked.length).toBe(2);
  });

  it("is asked for again by browsers, which need not load it again", async () => {
    const link = await profileLink(id);
    const first = await read(link);
    expect(first.headers.get("Cache-Control")).toBe("private, no-cache");
    const again = await read(link, { headers: { "If-None-Match": first.headers.get("ETag") ?? "" } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("keeps the origin from being asked again and again while it is away", async () => {
    origin.away();
    const link = await profileLink(id);
    for (let times = 0; times < 5; times++) expect((await read(link)).status).toBe(503);
    expect(origin.asked.length).toBe(1);
  });
});

describe("a link", () => {
  it("is the origin's, whole and not ended, or nothing", async () => {
    const good = await profileLink(id);
    const bad = [
      good.replace(id, crypto.randomUUID()), good.replace("&v=1", "&v=2"), good.slice(0, -1), `${good}0`, `${good}&x=1`,
      good.replace(/&sig=.*/, ""), good.replace("w=0", "w=1"), good.replace("/profiles/", "/profiles//"),
      good.replace(id, id.toUpperCase()), good.replace(id, `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`),
      await profileLink(id, { secs: -1 }), await profileLink(id, { secrets: ["somebody-else's-secret-of-that-length"] }),
    ];
    for (const link of bad) expect([(await read(link)).status, link]).toEqual([404, link]);
    expect(origin.asked).toEqual([]);
    expect((await read(await profileLink(id, { secrets: [SHARED[1]!] }))).status).toBe(200);
  });

  it("ends when it says, also for who has used it before", async () => {
    const link = await profileLink(id, { secs: 100 });
    expect((await read(link)).status).toBe(200);
    later(100_000);
    expect((await read(link)).status).toBe(404);
  });

  it("lets one member read so much and no more", async () => {
    vi.spyOn(bindings.MEMBER_LIMIT, "limit").mockImplementation(async ({ key }) => ({ success: key !== "1111111111111111" }));
    const refused = await read(await profileLink(id, { viewer: "1111111111111111" }));
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "30"]);
    expect((await read(await profileLink(id))).status).toBe(200);
  });
});

describe("a purge", () => {
  it("holds in every layer at once, whatever it still has", async () => {
    const link = await profileLink(id);
    await read(link);
    const old = { version: 1, body: '{"name": "Ann"}', filledAt: Date.now() };
    origin.says = () => new Response("", { status: 404 });
    expect((await purge({ [id]: 2 })).status).toBe(200);
    // As when the copies could not be reached: another data centre's, or KV's that is late.
    for (const layer of [memory, new Colo(), new Everywhere(bindings)]) await layer.put(id, old);
    later(2_501);
    expect((await read(link)).status).toBe(404);
  });

  it("takes the copies themselves away", async () => {
    await read(await profileLink(id));
    expect(await new Everywhere(bindings).get(id)).not.toBeNull();
    await purge({ [id]: 2 });
    for (const layer of [memory, new Colo(), new Everywhere(bindings)]) expect(await layer.get(id)).toBeNull();
  });

  it("is not undone by a read that began before it", async () => {
    const link = await profileLink(id);
    let go = () => {};
    const waiting = new Promise<void>((resolve) => (go = resolve));
    origin.says = async () => {
      await waiting;
      return card(id, 1);
    };
    const early = read(link);
    await vi.waitFor(() => expect(origin.asked.length).toBe(1));
    await purge({ [id]: 2 });
    origin.says = () => new Response("", { status: 404 });
    later(2_501);
    expect((await read(link)).status).toBe(404); // nor does it share that read's answer
    go();
    await early;
    expect((await read(link)).status).toBe(404);
  });

  it("shows what has changed", async () => {
    const link = await profileLink(id);
    await read(link);
    origin.says = () => card(id, 2, "Anna");
    await purge({ [id]: 2 });
    later(2_501);
    expect(await (await read(link)).json()).toMatchObject({ name: "Anna" });
  });

  it("of an older version changes nothing", async () => {
    origin.says = () => card(id, 5);
    await purge({ [id]: 5 });
    await purge({ [id]: 4 });
    later(2_501);
    await read(await profileLink(id));
    expect(origin.asked.length).toBe(1);
    await read(await profileLink(id));
    expect(origin.asked.length).toBe(1);
  });

  it("leaves nothing cached to be served when it cannot be asked about", async () => {
    const link = await profileLink(id);
    await read(link);
    later(2_501);
    vi.spyOn(bindings.PURGES, "getByName").mockImplementation(() => {
      throw new Error("no object to be had");
    });
    await read(link);
    expect(origin.asked.length).toBe(2);
  });

  it("is taken from the origin only: signed, recent, once, and of the right shape", async () => {
    expect((await purge({ [id]: 1 }, ["somebody-else's-secret-of-that-length"])).status).toBe(403);
    expect((await ask("/internal/purge", { method: "POST", body: "{}" })).status).toBe(403);
    expect((await purge({ [id]: 1 }, [SHARED[1]!])).status).toBe(200);
    for (const body of ["", "[]", "{}", '{"purges": []}', '{"purges": [{"tag": "profile:x", "version": 1}]}', `{"purges": [{"tag": "profile:${id}"}]}`])
      expect((await purgeBody(body)).status).toBe(400);
  });

  it("that is played back is refused", async () => {
    const { signCall } = await import("../src/signing");
    const body = JSON.stringify({ purges: [{ tag: `profile:${id}`, version: 1 }] });
    const signed = await signCall(SHARED, { to: "edge", method: "POST", target: "/internal/purge", body });
    const { signedHeaders } = await import("./world");
    const post = () => ask("/internal/purge", { method: "POST", body, headers: signedHeaders(signed) });
    expect([(await post()).status, (await post()).status]).toEqual([200, 409]);
    later(61_000);
    expect((await post()).status).toBe(403);
  });

  it("is asked for again when the copies cannot be taken away", async () => {
    vi.spyOn(bindings.CARDS, "delete").mockRejectedValue(new Error("KV is away"));
    expect((await purge({ [id]: 1 })).status).toBe(503);
  });
});

it("forgets the least recently used when memory is full", async () => {
  const small = new Memory(1000);
  const entry = { version: 1, body: "x".repeat(100), filledAt: 0 };
  for (const name of ["a", "b", "c"]) await small.put(name, entry);
  small.peek("a");
  await small.put("d", entry);
  expect(["a", "b", "c", "d"].filter((name) => small.peek(name))).toEqual(["a", "c", "d"]);
});
