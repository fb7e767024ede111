/**
 * The worker on one machine, in Cloudflare's own runtime, as wrangler.jsonc has it for development: what `make run EDGE=1`,
 * the end-to-end tests and benchmarks start. Not `wrangler dev`: its proxies, which are there for reloading, make a request
 * take three times as long, and answer some of a hundred at once with 503.
 *
 *   node --env-file=FILE serve.mjs --port 8787 --store FOLDER [--media FOLDER]
 *
 * ORIGIN_URL and the secrets come from the environment. With --media the photos are read from there: the origin's own
 * folder, as long as it has no bucket.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { values: given } = parseArgs({ options: { port: { type: "string" }, store: { type: "string" }, media: { type: "string" } } });
const FROM_ENVIRONMENT = ["ORIGIN_URL", "TELEGRAM_WEBHOOK_SECRET", "EDGE_SHARED_SECRET"];

/** As much of R2 as media.ts uses, from a folder. */
const FOLDER_BUCKET = `
export default ({ files }) => {
  const read = async (name, method, headers) => {
    const found = await files.fetch("http://files/" + name, { method, headers });
    return found.ok ? found : void (await found.body?.cancel());
  };
  const size = (found) => Number(found.headers.get("Content-Length"));
  const head = async (name) => {
    const found = await read(name, "HEAD", {});
    return found ? { size: size(found), httpEtag: '"' + size(found) + '"' } : null;
  };
  const get = async (name, { range }) => {
    const whole = await head(name);
    const headers = range ? { Range: "bytes=" + range.offset + "-" + (range.offset + range.length - 1) } : {};
    const found = whole && (await read(name, "GET", headers));
    return found ? { ...whole, body: found.body } : null;
  };
  return { head, get };
};`;

async function worker() {
  const bundled = await build({
    entryPoints: [here("src/index.ts")], bundle: true, write: false, format: "esm", target: "es2024", external: ["cloudflare:*"],
  });
  const { workerOptions } = optionsOf(here("wrangler.jsonc"));
  const bindings = { ...workerOptions.bindings, ...Object.fromEntries(FROM_ENVIRONMENT.map((name) => [name, process.env[name]])) };
  const modules = [{ type: "ESModule", path: "index.js", contents: bundled.outputFiles[0].text }];
  return { ...workerOptions, name: "edge", modules, bindings };
}

/** The worker with the folder in place of its bucket. */
function withFolder(edge, folder) {
  const { r2Buckets: _, ...rest } = edge;
  const bucket = {
    name: "bucket",
    modules: [{ type: "ESModule", path: "bucket.js", contents: FOLDER_BUCKET }],
    serviceBindings: { files: { disk: { path: folder, writable: false } } },
  };
  return [{ ...rest, wrappedBindings: { ...rest.wrappedBindings, MEDIA: { scriptName: "bucket" } } }, bucket];
}

const edge = await worker();
const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: Number(given.port),
  cf: false,
  defaultPersistRoot: given.store,
  // What the worker logs of each request is for Cloudflare; what the runtime complains of is for whoever started it.
  handleRuntimeStdio: (out, err) => (out.resume(), err.pipe(process.stderr)),
  workers: given.media ? withFolder(edge, given.media) : [edge],
});
await miniflare.ready;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => miniflare.dispose().then(() => process.exit(0)));
