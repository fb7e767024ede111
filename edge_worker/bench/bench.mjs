/** Measures the bundled worker through Miniflare's API; prints figures as JSON. Called by benchmarks/edge.py. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

import { Miniflare } from "miniflare";

import { CALLER, HELLO, KV, ORIGIN, READER } from "./workers.mjs";

const SECRET = "the-secret-of-the-benchmark-and-no-other";
const WEBHOOK_SECRET = "benchmark";
const [PROFILES, READS] = [100_000, Number(process.env.READS ?? 40_000)];
/** Reads in the time for which a card is fresh, ten hours: 42 a second. */
const WITHIN = 1_500_000;
const bundle = readFileSync(new URL("../.wrangler/bundle/index.js", import.meta.url), "utf8");
const modules = (script) => ({ modules: [{ type: "ESModule", path: "index.js", contents: script }], compatibilityDate: "2026-04-01" });

function edge(name, shards, more = {}) {
  return {
    name,
    ...modules(bundle),
    bindings: {
      ORIGIN_URL: "http://origin.example",
      ALLOWED_ORIGINS: "",
      TELEGRAM_IP_RANGES: "",
      BACKLOG_SHARDS: String(shards),
      TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET,
      EDGE_SHARED_SECRET: SECRET,
    },
    durableObjects: Object.fromEntries(
      [["BACKLOG", "Backlog"], ["READERS", "OriginReader"], ["PURGES", "PurgeLog"]].map(([binding, className]) => [binding, { className, useSQLite: true }]),
    ),
    kvNamespaces: ["CARDS"],
    r2Buckets: ["MEDIA"],
    queueProducers: { DEAD_UPDATES: "dead-updates" },
    analyticsEngineDatasets: { COUNTERS: { dataset: "edge" } },
    ratelimits: Object.fromEntries(["ADDRESS_LIMIT", "MEMBER_LIMIT"].map((limit) => [limit, { simple: { limit: 1e9, period: 60 } }])),
    outboundService: "origin",
    ...more,
  };
}

const { kvNamespaces: _, ...withoutKv } = edge("edge-zipf", 16);
const miniflare = new Miniflare({
  handleRuntimeStdio: (out, err) => [out, err].forEach((stream) => stream.resume()),
  workers: [
    { name: "hello", ...modules(HELLO) },
    { name: "origin", ...modules(ORIGIN) },
    edge("edge", 16),
    edge("edge-object-per-chat", 9_999_999),
    { ...withoutKv, cache: false, wrappedBindings: { CARDS: { scriptName: "kv" } } },
    { name: "kv", ...modules(KV), compatibilityDate: undefined },
    { name: "caller", ...modules(CALLER), serviceBindings: { hello: "hello", cached: "edge" } },
    { name: "reader", ...modules(READER), bindings: { SECRET }, serviceBindings: { EDGE: "edge-zipf" } },
  ].map((worker) => Object.fromEntries(Object.entries(worker).filter(([, value]) => value !== undefined))),
});

function profileLink(number) {
  const target = `/profiles/00000000-0000-4000-8000-${String(number).padStart(12, "0")}?e=4000000000&v=1&w=0123456789abcdef`;
  return `http://edge.example${target}&sig=${createHmac("sha256", SECRET).update(`v1\nlink\n${target}`).digest("hex")}`;
}

const links = () => Array.from({ length: 200 }, (_, number) => profileLink(number));

async function perSecond(worker, urlOf, calls, lanes) {
  let left = calls;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await (await worker.fetch(urlOf(left))).arrayBuffer();
    }),
  );
  return (calls / (performance.now() - began)) * 1000;
}

function median(values) {
  return [...values].sort((one, other) => one - other)[values.length >> 1];
}

/** In short turns, compared turn by turn, so that a slower moment of the machine hits both. */
async function cachedReads() {
  const [hello, worker] = [await miniflare.getWorker("hello"), await miniflare.getWorker("edge")];
  for (const link of links()) await (await worker.fetch(link)).arrayBuffer();
  const read = links();
  const taken = { hello: [], cached: [] };
  for (let round = 0; round < 33; round++) {
    taken.hello.push(await perSecond(hello, () => "http://hello.example/", 150, 16));
    taken.cached.push(await perSecond(worker, (call) => read[call % read.length], 150, 16));
  }
  const ratios = taken.cached.map((cached, round) => cached / taken.hello[round]);
  return { hello: median(taken.hello.slice(1)), cached: median(taken.cached.slice(1)), ratio: median(ratios.slice(1)) };
}

function update(id, chat) {
  return JSON.stringify({ update_id: id, message: { message_id: id, date: 1, chat: { id: chat, type: "private" }, from: { id: chat }, text: "hello" } });
}

/** Milliseconds of single calls, in turns. Of the ways through the worker one keeps few objects busy, one has an object for each chat. */
async function webhooks(calls) {
  const ways = { direct: "origin", shards: "edge", "object per chat": "edge-object-per-chat" };
  const workers = Object.fromEntries(await Promise.all(Object.entries(ways).map(async ([way, name]) => [way, await miniflare.getWorker(name)])));
  const taken = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  const headers = { "Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET };
  for (let call = 0; call < calls; call++)
    for (const [way, worker] of Object.entries(workers)) {
      const body = update(call + 1, 1000 + call);
      const began = performance.now();
      const response = await worker.fetch("http://edge.example/telegram/webhook", { method: "POST", body, headers });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${way}: ${response.status}`);
      if (call >= calls / 5) taken[way].push(performance.now() - began);
    }
  const at = (values, share) => [...values].sort((one, other) => one - other)[Math.floor(values.length * share)];
  return Object.fromEntries(Object.entries(taken).map(([way, values]) => [way, { p50: at(values, 0.5), p95: at(values, 0.95) }]));
}

/** How many of the reads never reach the origin, at any moment of a day with that load: see READER. */
async function zipf() {
  const [reader, origin] = [await miniflare.getWorker("reader"), await miniflare.getWorker("origin")];
  const cards = async () => (await (await origin.fetch("http://origin.example/count")).json()).cards;
  const read = async (what) => {
    const body = JSON.stringify({ profiles: PROFILES, lanes: 32, ...what });
    const { failed, done } = await (await reader.fetch("http://reader.example/", { method: "POST", body })).json();
    if (failed) throw new Error(`${failed} reads failed`);
    return done;
  };
  const before = await cards();
  let warm = 0;
  for (let from = 0; from < PROFILES; from += 10_000) warm += await read({ within: WITHIN, from, to: from + 10_000, seed: from + 1 });
  if ((await cards()) - before !== warm) throw new Error("the origin was not read from once for each profile");
  const known = await cards();
  let reads = 0;
  for (let seed = 1; seed <= 4; seed++) reads += await read({ reads: READS / 4, seed: seed * 7_777_777 });
  return { reads, within: WITHIN, hits: 1 - ((await cards()) - known) / reads };
}

/** What a cached read costs without a client outside of the runtime: microseconds, next to the bare worker. */
async function inside() {
  const reader = await miniflare.getWorker("caller");
  const once = async (worker) => (await (await reader.fetch(`http://caller.example/${worker}`, { method: "POST", body: JSON.stringify(links()) })).json()).us;
  const taken = { hello: [], cached: [] };
  for (let round = 0; round < 7; round++) for (const worker of Object.keys(taken)) taken[worker].push(await once(worker));
  return Object.fromEntries(Object.entries(taken).map(([worker, values]) => [worker, median(values.slice(1))]));
}

try {
  const figures = {};
  const parts = { reads: cachedReads, inside, webhooks: () => webhooks(Number(process.env.CALLS ?? 1000)), zipf };
  for (const [part, measure] of Object.entries(parts)) {
    if (process.env.ONLY && process.env.ONLY !== part) continue;
    const began = performance.now();
    figures[part] = await measure();
    console.error(`${part}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  console.log(JSON.stringify(figures));
} finally {
  await miniflare.dispose();
}
