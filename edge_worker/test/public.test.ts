import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { readRange } from "../src/media";
import { ask, bindings, configLink, mediaLink, Origin, profileLink, purge } from "./world";

const NAME = "photos/0b5c7bb3-7c3d-4a7c-9d0a-3f4f1f0d6d11.jpg";
const PHOTO = Uint8Array.from({ length: 1000 }, (_, place) => place % 251);
let origin: Origin;
let id: string;

beforeEach(async () => {
  origin = new Origin();
  id = crypto.randomUUID();
  await bindings.MEDIA.put(NAME, PHOTO, { httpMetadata: { contentType: "text/html" } });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

async function bytes(response: Response): Promise<number[]> {
  return [...new Uint8Array(await response.arrayBuffer())];
}

describe("media", () => {
  it("are served whole, as what their name says, kept by browsers and never guessed at", async () => {
    const response = await ask(await mediaLink(NAME, id));
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/jpeg", "x-content-type-options": "nosniff", "content-length": "1000", "accept-ranges": "bytes",
    });
    expect(response.headers.get("Cache-Control")).toMatch(/^private, max-age=3(600|5\d\d), immutable$/);
    expect(await bytes(response)).toEqual([...PHOTO]);
  });

  it.each([
    ["bytes=0-9", 206, "bytes 0-9/1000", 10], ["bytes=990-", 206, "bytes 990-999/1000", 10],
    ["bytes=-5", 206, "bytes 995-999/1000", 5], ["bytes=1000-", 416, "bytes */1000", 0],
    ["bytes=0-0,5-9", 200, null, 1000], ["lines=1-2", 200, null, 1000],
  ])("answer %s with %d", async (range, status, contentRange, length) => {
    const response = await ask(await mediaLink(NAME, id), { headers: { Range: range } });
    expect([response.status, response.headers.get("Content-Range")]).toEqual([status, contentRange]);
    expect((await bytes(response)).length).toBe(length);
  });

  it("come from the data centre once they are there, in parts, too", async () => {
    const link = await mediaLink(NAME, id);
    await bytes(await ask(link));
    await vi.waitFor(async () => expect(await caches.default.match(`https://media.invalid/${NAME}`)).toBeDefined());
    await bindings.MEDIA.delete(NAME);
    expect(await bytes(await ask(link))).toEqual([...PHOTO]);
    const part = await ask(link, { headers: { Range: "bytes=10-19" } });
    expect([part.status, await bytes(part)]).toEqual([206, [...PHOTO.slice(10, 20)]]);
    await caches.default.delete(`https://media.invalid/${NAME}`);
  });

  it("are gone with the card that they were on", async () => {
    const link = await mediaLink(NAME, id, { version: 3 });
    expect((await ask(link)).status).toBe(200);
    await purge({ [id]: 4 });
    await vi.waitFor(async () => expect((await ask(link)).status).toBe(404), 4000);
    expect((await ask(await mediaLink(NAME, id, { version: 4 }))).status).toBe(200);
  });

  it("are not listed, nor found without a genuine link", async () => {
    const good = await mediaLink(NAME, id);
    const elsewhere = good.replace(NAME, "photos/another.jpg");
    for (const path of ["/media/", "/media", "/media/photos/", `/media/${NAME}`, `${good}1`, elsewhere, `${good.replace("/photos", "/../photos")}`])
      expect([(await ask(path)).status, path]).toEqual([404, path]);
    expect((await ask(await mediaLink("photos/missing.jpg", id))).status).toBe(404);
  });

  it("reads ranges as RFC 9110 has them", () => {
    expect(readRange("bytes=5-2", 10)).toBeNull();
    expect(readRange("bytes=-", 10)).toBeNull();
    expect(readRange("bytes=-0", 10)).toBe("unsatisfiable");
    expect(readRange("bytes=-99", 10)).toEqual({ offset: 0, length: 10 });
    expect(readRange("bytes=2-99", 10)).toEqual({ offset: 2, length: 8 });
  });
});

describe("config", () => {
  it("is what the origin says, asked for once in a few seconds, and kept while the origin is away", async () => {
    origin.says = () => Response.json({ flags: { "signup.open": true } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("/config")));
    expect(await answers[0]?.json()).toEqual({ flags: { "signup.open": true } });
    expect(origin.paths()).toEqual(["/api/v1/edge/config"]);
    origin.away();
    const now = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => now + 60_000);
    expect((await ask("/config")).status).toBe(200);
  });
});

describe("a member's config", () => {
  const answers = (path: string) => Response.json({ flags: { "bot.notes": path.endsWith("1") } });
  const members = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"] as const;

  it("is their own, asked for once in a few seconds, and private", async () => {
    origin.says = ({ path }) => answers(path);
    for (const member of [...members, ...members]) {
      const response = await ask(await configLink(member));
      expect(await response.json()).toEqual({ flags: { "bot.notes": member === members[0] } });
      expect(response.headers.get("Cache-Control")).toBe("private, max-age=2");
    }
    expect(origin.paths().sort()).toEqual(members.map((member) => `/api/v1/edge/config/${member}`));
  });

  it("costs the origin one call, however many ask at once", async () => {
    origin.says = async ({ path }) => {
      await scheduler.wait(50);
      return answers(path);
    };
    const link = await configLink(id);
    for (const { status } of await Promise.all(Array.from({ length: 25 }, () => ask(link)))) expect(status).toBe(200);
    expect(origin.asked.length).toBe(1);
  });

  it("is for nobody without the origin's link, or with an old one", async () => {
    const good = await configLink(id);
    const bad = [good.replace(id, crypto.randomUUID()), `${good}1`, `/config?m=${id}`, "/config?", good.replace("/config", "/profiles/"),
      (await profileLink(id)).replace(`/profiles/${id}`, "/config"), await configLink(id, { secs: -1 })];
    for (const path of bad) expect([(await ask(path)).status, path]).toEqual([404, path]);
    expect(origin.asked).toEqual([]);
  });

  it("is gone with the member, and bridges ten minutes of an origin that is away", async () => {
    const link = await configLink(id);
    origin.away();
    expect((await ask(link)).status).toBe(503);
    const now = Date.now();
    const later = (ms: number) => vi.spyOn(Date, "now").mockImplementation(() => now + ms);
    later(2_000);
    origin.says = ({ path }) => answers(path);
    expect((await ask(link)).status).toBe(200);
    origin.away();
    later(500_000);
    expect((await ask(link)).status).toBe(200);
    later(700_000);
    expect((await ask(link)).status).toBe(503);
    later(800_000);
    origin.says = () => new Response("", { status: 404 });
    expect((await ask(link)).status).toBe(404);
  });

  it("is limited for each member", async () => {
    vi.spyOn(bindings.MEMBER_LIMIT, "limit").mockImplementation(async ({ key }) => ({ success: key !== id }));
    expect((await ask(await configLink(id))).status).toBe(429);
    origin.says = ({ path }) => answers(path);
    expect((await ask(await configLink(members[0]))).status).toBe(200);
  });
});

describe("every answer", () => {
  it("is hardened, and has an id to log under", async () => {
    for (const path of ["/healthz", "/nothing", await profileLink(id)]) {
      const { headers } = await ask(path);
      for (const name of ["content-security-policy", "strict-transport-security", "x-content-type-options", "referrer-policy", "x-correlation-id"])
        expect(headers.get(name)).toBeTruthy();
    }
  });

  it("may be read by the pages of our own origins only", async () => {
    const from = (page: string, init: RequestInit = {}) => ask("/config", { ...init, headers: { Origin: page } });
    expect((await from("https://app.test")).headers.get("Access-Control-Allow-Origin")).toBe("https://app.test");
    for (const page of ["https://evil.test", "https://app.test.evil.test", "null", "http://app.test"])
      expect((await from(page)).headers.get("Access-Control-Allow-Origin")).toBeNull();
    expect((await from("https://app.test", { method: "OPTIONS" })).status).toBe(204);
    expect((await from("https://evil.test", { method: "OPTIONS" })).status).toBe(403);
    expect((await ask("/telegram/webhook", { method: "OPTIONS" })).status).toBe(405);
  });

  it("comes for one spelling of each path", async () => {
    for (const path of ["/healthz/", "//healthz", "/HEALTHZ", "/healthz?", "/healthz?x", "/%68ealthz", "/config/", "/", ""])
      expect([(await ask(path)).status, path]).toEqual([404, path]);
    expect([(await ask("/healthz")).status, origin.asked]).toEqual([200, []]);
  });

  it("is a refusal for whoever asks too much", async () => {
    vi.spyOn(bindings.ADDRESS_LIMIT, "limit").mockResolvedValue({ success: false });
    for (const path of ["/config", await profileLink(id), await mediaLink(NAME, id)]) expect((await ask(path)).status).toBe(429);
    expect((await ask("/healthz")).status).toBe(200);
  });
});

it("does not work, and says which setting it misses, without a secret", async () => {
  const { settingsOf } = await import("../src/env");
  expect(() => settingsOf({ ...bindings, EDGE_SHARED_SECRET: "" })).toThrow("EDGE_SHARED_SECRET must be set");
  expect(() => settingsOf({ ...bindings, EDGE_SHARED_SECRET: "short" })).toThrow("at least 32");
  expect(() => settingsOf({ ...bindings, TELEGRAM_WEBHOOK_SECRET: "" })).toThrow("TELEGRAM_WEBHOOK_SECRET must be set");
  expect(() => settingsOf({ ...bindings, ORIGIN_URL: "https://origin.test/" })).toThrow("ORIGIN_URL");
  expect(() => settingsOf({ ...bindings, TELEGRAM_IP_RANGES: "10.0.0.0" })).toThrow("TELEGRAM_IP_RANGES");
});
