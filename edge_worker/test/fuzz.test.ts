/** Whatever is sent: never a 5xx, never another member's data, never a call to the origin for what is not signed. */
import fc from "fast-check";
import { reset } from "cloudflare:test";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";

import {
  ask, bindings, card, configLink, mediaLink, message, Origin, profileLink, purgeBody, SECRET, SHARED, signedHeaders, tap, tell,
} from "./world";
import { signCall } from "../src/signing";

const MEMBERS = Array.from({ length: 12 }, () => crypto.randomUUID());
const RUNS = { numRuns: 200 };
fc.configureGlobal({ seed: 20261126 }); // the same in every run
let origin: Origin;

beforeEach(() => {
  vi.restoreAllMocks();
  origin = new Origin();
  origin.says = ({ path }) => card(path.split("/").pop() ?? "", 1);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await reset();
});

// ---- What may be sent

const PIECES = [
  "/", "//", "..", "%2e%2e", "%00", "%", "?", "&", "=", "#", ";", "\\", "\u0000", "é", "😀", "profiles", "media", "telegram", "webhook",
  "internal", "purge", "photos", "config", "healthz", "e=1", "v=1", "m=1", "sig=", "a".repeat(64), "0".repeat(2000), "-1", "null", "{}",
];
const noise = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
);
const method = fc.constantFrom("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH");
const headerValue = fc.oneof(
  fc.constantFrom("", "*", "bytes=0-", "bytes=-1", "bytes=9-1", "https://app.test", "null", "a".repeat(500), '"1"', 'W/"1"', "127.0.0.1", "()"),
  fc.string({ maxLength: 40 }).map((text) => text.replace(/[^ -~]/g, "").trim()),
);
const headerName = fc.constantFrom(
  "Range", "If-None-Match", "Origin", "Content-Type", "Accept", "CF-Connecting-IP", "cf-ray", "X-Correlation-ID", "X-Edge-Nonce", "Cookie",
  "Authorization", "X-Forwarded-For", "X-Original-URL", "X-HTTP-Method-Override",
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 4 });

/** One place of a text changed, left out, doubled or cut. */
const change = fc.record({
  how: fc.constantFrom("other", "without", "more", "cut"),
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  what: fc.string({ minLength: 1, maxLength: 3 }),
});

function changed(text: string, { how, place, what }: { how: string; place: number; what: string }): string {
  const at = Math.floor(place * text.length);
  const rest = { other: what + text.slice(at + 1), without: text.slice(at + 1), more: what + text.slice(at), cut: "" }[how] ?? "";
  return text.slice(0, at) + rest;
}

/** Would it reach the worker as the same? What stands after # is never sent. */
function isTheSame(one: string, other: string): boolean {
  const sent = (path: string) => new URL(`https://edge.test${path.split("#")[0]}`).href;
  return sent(one) === sent(other);
}

async function textOf(response: Response): Promise<string> {
  expect(response.status).toBeLessThan(500);
  return response.text();
}

function idsIn(text: string): string[] {
  return MEMBERS.filter((member) => text.includes(member));
}

// ---- What must hold

describe("fuzzed", { timeout: 30_000 }, () => {
  it("paths, methods, headers and bodies find nothing", async () => {
    await fc.assert(
      fc.asyncProperty(noise, method, headers, noise, async (path, how, sent, body) => {
        fc.pre(!isTheSame(`/${path}`, "/config"));
        const init = { method: how, headers: sent, ...(!["GET", "HEAD"].includes(how) && { body }) };
        await textOf(await ask(`/${path}`, init));
        expect(origin.asked).toEqual([]);
      }),
      RUNS,
    );
  });

  it("links are nothing, however close to a genuine one", async () => {
    const [id = ""] = MEMBERS;
    const links = [await profileLink(id), await mediaLink("photos/a.jpg", id), await configLink(id)];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...links), change, headers, async (genuine, how, sent) => {
        const link = changed(genuine, how);
        fc.pre(link.startsWith("/") && !links.some((each) => isTheSame(link, each)) && !isTheSame(link, "/config"));
        const response = await ask(link, { headers: sent });
        expect(await textOf(response)).toBe("");
        expect(response.status).toBe(404);
        expect(origin.asked).toEqual([]);
      }),
      RUNS,
    );
  });

  it("signatures are nothing, whoever's link they were made for and whatever secret made them", async () => {
    const kinds = [
      (id: string, secrets: string[]) => profileLink(id, { secrets }), (id: string, secrets: string[]) => configLink(id, { secrets }),
    ];
    const secret = fc.string({ minLength: 1, maxLength: 60 }).filter((text) => !SHARED.includes(text));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), fc.constantFrom(...MEMBERS), fc.constantFrom(...MEMBERS), secret, async (link, id, other, wrong) => {
        fc.pre(id !== other);
        const stolen = (await link(id, SHARED)).slice(0, -64) + (await link(other, SHARED)).slice(-64);
        for (const path of [stolen, await link(id, [wrong])]) expect([await textOf(await ask(path)), origin.asked]).toEqual(["", []]);
      }),
      RUNS,
    );
  });

  it("headers change nothing of whose card or config is shown", async () => {
    origin.says = ({ path }) => (path.includes("/config/") ? Response.json({ of: path.split("/").pop() }) : card(path.split("/").pop() ?? "", 1));
    const asks = fc.record({ id: fc.constantFrom(...MEMBERS), sent: headers, link: fc.constantFrom(profileLink, configLink) });
    await fc.assert(
      fc.asyncProperty(fc.array(asks, { minLength: 1, maxLength: 5 }), async (all) => {
        const answers = await Promise.all(all.map(async ({ id, sent, link }) => ask(await link(id), { headers: sent })));
        for (const [place, response] of answers.entries()) {
          expect([200, 304]).toContain(response.status);
          expect(idsIn(await textOf(response))).toEqual(response.status === 200 ? [all[place]?.id] : []);
        }
      }),
      { numRuns: 60 },
    );
    for (const { headers: sent } of origin.asked) expect(sent.get("X-Edge-Signature")).toMatch(/^[0-9a-f]{64}$/);
  });

  it("ranges of a photo are part of that photo or refused", async () => {
    const photo = Uint8Array.from({ length: 300 }, (_, place) => place % 251);
    await bindings.MEDIA.put("photos/fuzzed.jpg", photo);
    const link = await mediaLink("photos/fuzzed.jpg", MEMBERS[0] ?? "");
    const range = fc.oneof(
      headerValue,
      fc.tuple(fc.nat(400), fc.nat(400)).map(([from, to]) => `bytes=${from}-${to}`),
      fc.nat(400).map((last) => `bytes=-${last}`),
    );
    await fc.assert(
      fc.asyncProperty(range, async (wanted) => {
        const response = await ask(link, { headers: { Range: wanted } });
        const bytes = new Uint8Array(await response.arrayBuffer());
        expect([200, 206, 416]).toContain(response.status);
        const [, from] = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "") ?? [, "0"];
        if (response.status !== 416) expect([...bytes]).toEqual([...photo.slice(Number(from), Number(from) + bytes.length)]);
      }),
      RUNS,
    );
  });

  it("updates are taken or refused", async () => {
    origin.says = () => new Response();
    const genuine = fc
      .tuple(fc.constantFrom(message, tap), fc.nat(), fc.nat(9))
      .map(([kind, id, chat]) => JSON.stringify(kind(id, chat)));
    const body = fc.oneof(genuine, fc.tuple(genuine, change).map(([text, how]) => changed(text, how)), noise, fc.json());
    const secret = fc.oneof(fc.constant(SECRET), fc.string({ maxLength: 40 }).map((text) => text.replace(/[^!-~]/g, "")));
    await fc.assert(
      fc.asyncProperty(body, secret, headers, async (sent, given, more) => {
        const before = origin.asked.length;
        const response = await tell(sent, given, { headers: { ...more, "X-Telegram-Bot-Api-Secret-Token": given } });
        await textOf(response);
        if (given !== SECRET) expect(response.status).toBe(403);
        if (response.status !== 200) expect(origin.asked.length).toBe(before);
      }),
      RUNS,
    );
  });

  it("purges are taken with a genuine signature only, and are what they should be", async () => {
    const token = fc.string({ maxLength: 80 }).map((text) => text.replace(/[^!-~]/g, ""));
    const forged = fc.oneof(
      fc.record({ timestamp: token, nonce: token, signature: token }),
      fc.record({ nonce: fc.uuid(), signature: fc.stringMatching(/^[0-9a-f]{64}$/) }).map((rest) => ({ ...rest, timestamp: String(Math.floor(Date.now() / 1000)) })),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(noise, fc.json()), forged, change, async (body, signed, how) => {
        expect([400, 413]).toContain((await purgeBody(body)).status);
        const headersOf = (body: string, headers: Record<string, string>) => ask("/internal/purge", { method: "POST", body, headers });
        expect((await headersOf(body, signedHeaders(signed))).status).toBe(403);
        const genuine = await signCall(SHARED, { to: "edge", method: "POST", target: "/internal/purge", body });
        const other = changed(`${body}{}`, how);
        if (other !== body) expect((await headersOf(other, signedHeaders(genuine))).status).toBe(403);
      }),
      { numRuns: 100 },
    );
    expect(origin.asked).toEqual([]);
  });
});
