/** What stands behind the worker fails, one thing at a time: each route's answer, and what it tells of it. */
import { createExecutionContext, reset, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Colo, memory } from "../src/cards/layers";
import type { Env } from "../src/env";
import worker from "../src/index";
import { ask, bindings, card, configLink, mediaLink, message, Origin, profileLink, purge, purgeBody, SECRET, SHARED, tap, tell, waiting } from "./world";

const NAME = "photos/a.jpg";
let origin: Origin;
let id: string;

beforeEach(() => {
  origin = new Origin();
  origin.says = ({ path }) => card(path.split("/").pop() ?? "", 1);
  id = crypto.randomUUID();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

function broken(): never {
  throw new Error("away");
}

function withSettings(settings: Partial<Env>, path: string, init: RequestInit = {}): Promise<Response> {
  const request = new Request(`https://edge.test${path}`, init) as Request<unknown, IncomingRequestCfProperties>;
  return worker.fetch(request, { ...bindings, ...settings }, createExecutionContext());
}

/** Counters and log lines of what was done since, nothing left out. */
function watched() {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const counted = vi.spyOn(bindings.COUNTERS, "writeDataPoint");
  const logged = vi.spyOn(console, "log").mockImplementation(() => {});
  return {
    counts: () => counted.mock.calls.map(([point]) => point?.blobs?.join(" ")),
    lines: () => logged.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>),
  };
}

describe("each route", () => {
  it.each([
    ["/telegram/webhook", "POST"], ["/internal/purge", "POST"], ["/healthz", "GET"], ["/config", "GET"],
    ["/profiles/x", "GET"], ["/media/x", "GET"], ["/config?m=1", "GET"],
  ])("%s knows its method only", async (path, method) => {
    for (const other of ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"].filter((each) => each !== method)) {
      const response = await ask(path, { method: other });
      expect([response.status, response.headers.get("Allow")]).toEqual([405, method]);
    }
    expect(origin.asked).toEqual([]);
  });

  it("is closed while a setting is wrong, and says to nobody outside which", async () => {
    const seen = watched();
    for (const path of ["/healthz", "/config", await profileLink(id), await configLink(id), await mediaLink(NAME, id)]) {
      const response = await withSettings({ EDGE_SHARED_SECRET: "short" }, path);
      expect([response.status, response.headers.get("Retry-After"), await response.text()]).toEqual([503, "5", ""]);
    }
    expect(seen.lines()[0]).toMatchObject({ event: "failed", reason: expect.stringContaining("EDGE_SHARED_SECRET") });
  });
});

describe("the webhook", () => {
  it("is for Telegram's addresses only, where they are given", async () => {
    const init = (address: string) => ({
      method: "POST", body: JSON.stringify(message(1, 7)),
      headers: { "CF-Connecting-IP": address, "X-Telegram-Bot-Api-Secret-Token": SECRET },
    });
    const strict = { TELEGRAM_IP_RANGES: "149.154.160.0/20" };
    expect((await withSettings(strict, "/telegram/webhook", init("10.0.0.1"))).status).toBe(403);
    expect(origin.asked).toEqual([]);
    expect((await withSettings(strict, "/telegram/webhook", init("149.154.160.9"))).status).toBe(200);
  });

  it("waits for a silent origin no longer than its timeout, once", async () => {
    const timeouts: number[] = [];
    const real = AbortSignal.timeout.bind(AbortSignal);
    vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => (timeouts.push(ms), real(50)));
    origin.says = () => new Promise(() => {});
    expect((await tell(message(1, 7))).status).toBe(200);
    expect(timeouts[0]).toBe(5_000);
    const asked = origin.updateIds().length;
    expect((await tell(tap(2, 7))).status).toBe(200);
    expect(origin.updateIds().slice(asked)).not.toContain(2);
    expect(await waiting()).toBe(2);
  });

  it("logs and counts what is kept under the id that the origin logs, and nothing of what was said", async () => {
    origin.away();
    const seen = watched();
    const headers = { "X-Telegram-Bot-Api-Secret-Token": SECRET, "cf-ray": "8f3a2b1c4d5e6f70-AMS" };
    await tell(message(1, 7, "my secret"), SECRET, { headers });
    expect(origin.asked[0]?.headers.get("X-Correlation-ID")).toBe("8f3a2b1c4d5e6f70-AMS");
    expect(seen.counts()).toContain("webhook kept 200");
    expect(seen.lines()).toContainEqual(expect.objectContaining({ outcome: "kept", correlation_id: "8f3a2b1c4d5e6f70-AMS" }));
    expect(JSON.stringify(seen.lines())).not.toMatch(/my secret|"7"/);
  });
});

describe("a card", () => {
  it("is shown all the same when a layer fails", async () => {
    const link = await profileLink(id);
    vi.spyOn(bindings.CARDS, "get").mockRejectedValue(new Error("KV is away"));
    vi.spyOn(bindings.CARDS, "put").mockRejectedValue(new Error("KV is away"));
    vi.spyOn(Colo.prototype, "get").mockRejectedValue(new Error("no cache"));
    vi.spyOn(Colo.prototype, "put").mockRejectedValue(new Error("no cache"));
    for (let times = 0; times < 2; times++) {
      const ctx = createExecutionContext();
      expect((await ask(link, {}, ctx)).status).toBe(200);
      await waitOnExecutionContext(ctx);
      await memory.drop(id);
    }
  });

  it.each([
    ["an error", () => new Response("oops", { status: 500 })],
    ["what is no card", () => new Response("<html>")],
    ["a card without a version", () => Response.json({ id: "x" })],
    ["a refusal of our signature", () => new Response("", { status: 401 })],
    ["a redirect", () => new Response("", { status: 302, headers: { Location: "https://origin.test/login" } })],
  ])("is not to be had from an origin that answers with %s", async (_, says) => {
    origin.says = says;
    const response = await ask(await profileLink(id));
    expect([response.status, response.headers.get("Retry-After"), await response.text()]).toEqual([503, "2", ""]);
  });
});

describe("a purge", () => {
  it("is asked for again while the list cannot be written, and counted", async () => {
    const seen = watched();
    vi.spyOn(bindings.PURGES, "getByName").mockImplementation(broken);
    const response = await purge({ [id]: 1 });
    expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "1"]);
    expect(seen.counts()).toContain("purge not_purged 503");
  });

  it("is no longer than two hundred profiles and 64 KiB", async () => {
    expect((await purgeBody("x".repeat(64 * 1024 + 1))).status).toBe(413);
    const many = (number: number) => Object.fromEntries(Array.from({ length: number }, () => [crypto.randomUUID(), 1]));
    expect((await purge(many(201))).status).toBe(400);
    expect((await purge(many(200))).status).toBe(200);
  });

  it("signed for the other side or another route is none", async () => {
    const { signCall } = await import("../src/signing");
    const { signedHeaders } = await import("./world");
    const body = JSON.stringify({ purges: [{ tag: `profile:${id}`, version: 1 }] });
    const call = { to: "edge", method: "POST", target: "/internal/purge", body } as const;
    for (const wrong of [{ ...call, to: "origin" as const }, { ...call, target: "/telegram/webhook" }, { ...call, method: "PUT" }]) {
      const headers = signedHeaders(await signCall(SHARED, wrong));
      expect((await ask("/internal/purge", { method: "POST", body, headers })).status).toBe(403);
    }
  });
});

describe("media", () => {
  it("are not to be had while the bucket or the list of purges is away", async () => {
    vi.spyOn(bindings.MEDIA, "get").mockRejectedValue(new Error("R2 is away"));
    expect((await ask(await mediaLink(NAME, id))).status).toBe(503);
    const now = Date.now();
    vi.spyOn(Date, "now").mockImplementation(() => now + 10_000);
    vi.spyOn(bindings.PURGES, "getByName").mockImplementation(broken);
    expect((await ask(await mediaLink(NAME, id))).status).toBe(503);
  });
});
