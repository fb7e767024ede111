/** The workers around the edge worker in its benchmark, each an isolate of the same workerd. */

/** What any worker costs at least. */
export const HELLO = `export default { fetch: () => new Response("hello") };`;

/** Calls another worker one time after the other, as a worker may; how long a call takes on average. */
export const CALLER = `
export default {
  async fetch(request, env) {
    const worker = env[new URL(request.url).pathname.slice(1)];
    const links = await request.json();
    const began = Date.now(), calls = 3000;
    for (let call = 0; call < calls; call++) await (await worker.fetch(links[call % links.length])).arrayBuffer();
    return Response.json({ us: (Date.now() - began) * 1000 / calls });
  },
};`;

/** An origin that answers at once, and counts. */
export const ORIGIN = `
let cards = 0;
const bio = "I like long walks and short queues. ".repeat(6);
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/count") return Response.json({ cards });
    if (pathname === "/telegram/webhook") {
      await request.text();
      return new Response();
    }
    cards++;
    return Response.json({ id: pathname.split("/").pop(), version: 1, name: "Ann", age: 30, bio, interests: ["hiking"], photos: [] });
  },
};`;

/** KV in memory: a read of Miniflare's costs as much as twenty of ours, and it is the hits that are counted. */
export const KV = `
const values = new Map();
export default () => ({
  get: async (key) => JSON.parse(values.get(key) ?? "null"),
  put: async (key, value) => void values.set(key, value),
  delete: async (key) => void values.delete(key),
});`;

/**
 * Reads profiles whose popularity falls as Zipf's law has it (exponent 1), many at once. To warm up, `within`: each
 * profile is read with the chance that it has of being fresh at any moment, when so many reads fall into the time for
 * which a card is fresh: n / (1 + n), where n of them are its own.
 */
export const READER = `
const encoder = new TextEncoder();
let key;
const links = new Map();

async function linkOf(secret, rank) {
  let link = links.get(rank);
  if (!link) {
    key ??= await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const id = rank.toString(16).padStart(8, "0") + "-0000-4000-8000-" + (rank * 2654435761 % 2 ** 32).toString(16).padStart(12, "0");
    const target = "/profiles/" + id.slice(-4).repeat(2) + id.slice(8) + "?e=4000000000&v=1&w=0123456789abcdef";
    const bytes = await crypto.subtle.sign("HMAC", key, encoder.encode("v1\\nlink\\n" + target));
    link = target + "&sig=" + Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
    links.set(rank, link);
  }
  return "https://edge.example" + link;
}

function zipf(size) {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let place = 0; place < size; place++) sums[place] = sum += 1 / (place + 1);
  return (dice) => {
    let low = 0, high = size - 1;
    for (const at = dice * sum; low < high; ) {
      const middle = (low + high) >> 1;
      if (sums[middle] < at) low = middle + 1; else high = middle;
    }
    return low;
  };
}

export default {
  async fetch(request, env) {
    const { profiles, reads, within, from = 0, to = profiles, lanes, seed } = await request.json();
    let state = seed >>> 0, done = 0, failed = 0;
    const dice = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
    const harmonic = Math.log(profiles) + 0.5772156649;
    const isFresh = (rank) => dice() < within / (within + harmonic * (rank + 1));
    const rankOf = zipf(profiles);
    const ranks = within ? Array.from({ length: to - from }, (_, place) => from + place).filter(isFresh)
      : Array.from({ length: reads }, () => rankOf(dice()));
    await Promise.all(Array.from({ length: lanes }, async () => {
      while (done < ranks.length) {
        const response = await env.EDGE.fetch(await linkOf(env.SECRET, ranks[done++]));
        if (response.status !== 200) failed++;
        await response.arrayBuffer();
      }
    }));
    return Response.json({ failed, done: ranks.length });
  },
};`;
