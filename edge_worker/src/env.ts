/** Bindings and settings of the worker: see wrangler.jsonc. Read once in each isolate; what is wrong is named. */
import type { OriginReader } from "./cards/reader";
import type { PurgeLog } from "./cards/purge_log";
import type { Backlog } from "./telegram/backlog";

export interface Env {
  ORIGIN_URL: string;
  ALLOWED_ORIGINS: string;
  TELEGRAM_IP_RANGES: string;
  BACKLOG_SHARDS: string;
  /** Secrets, comma separated while one is being replaced: the first is used, all are accepted. */
  TELEGRAM_WEBHOOK_SECRET: string;
  EDGE_SHARED_SECRET: string;

  BACKLOG: DurableObjectNamespace<Backlog>;
  READERS: DurableObjectNamespace<OriginReader>;
  PURGES: DurableObjectNamespace<PurgeLog>;
  CARDS: KVNamespace;
  MEDIA: R2Bucket;
  DEAD_UPDATES: Queue;
  COUNTERS: AnalyticsEngineDataset;
  ADDRESS_LIMIT: RateLimit;
  MEMBER_LIMIT: RateLimit;
}

export interface Settings {
  origin: string;
  allowedOrigins: ReadonlySet<string>;
  telegramRanges: readonly Range[];
  backlogShards: number;
  webhookSecrets: readonly string[];
  sharedSecrets: readonly string[];
}

/** IPv4 addresses whose first bits are the network's. */
interface Range {
  network: number;
  mask: number;
}

export class SettingsError extends Error {}

const MIN_SHARED_SECRET = 32;
const known = new WeakMap<Env, Settings>();

/** Raises SettingsError, which names the variable and never repeats its value. */
export function settingsOf(env: Env): Settings {
  const found = known.get(env);
  if (found) return found;
  const read: Settings = {
    origin: readOrigin(env.ORIGIN_URL),
    allowedOrigins: new Set(list(env.ALLOWED_ORIGINS)),
    telegramRanges: list(env.TELEGRAM_IP_RANGES).map(readRange),
    backlogShards: readShards(env.BACKLOG_SHARDS),
    webhookSecrets: readSecrets("TELEGRAM_WEBHOOK_SECRET", env.TELEGRAM_WEBHOOK_SECRET, 1),
    sharedSecrets: readSecrets("EDGE_SHARED_SECRET", env.EDGE_SHARED_SECRET, MIN_SHARED_SECRET),
  };
  known.set(env, read);
  return read;
}

export function isInRanges(address: string, ranges: readonly Range[]): boolean {
  const number = addressNumber(address);
  return number !== null && ranges.some(({ network, mask }) => (number & mask) >>> 0 === network);
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

function readOrigin(text: string | undefined): string {
  if (!/^https?:\/\/[\w.-]+(:\d+)?$/.test(text ?? ""))
    throw new SettingsError("ORIGIN_URL must be a URL without a path or a slash at its end");
  return text ?? "";
}

function readShards(text: string | undefined): number {
  if (!/^[1-9]\d{0,6}$/.test(text ?? "")) throw new SettingsError("BACKLOG_SHARDS must be a number from 1");
  return Number(text);
}

function readSecrets(name: string, text: string | undefined, minLength: number): string[] {
  const secrets = list(text);
  if (!secrets.length) throw new SettingsError(`${name} must be set`);
  if (secrets.some((secret) => secret.length < minLength))
    throw new SettingsError(`${name} must have at least ${minLength} characters`);
  return secrets;
}

function readRange(text: string): Range {
  const [address, bits] = text.split("/");
  const number = addressNumber(address ?? "");
  if (number === null || !/^([1-9]|[12]\d|3[0-2])$/.test(bits ?? ""))
    throw new SettingsError("TELEGRAM_IP_RANGES must be IPv4 ranges such as 149.154.160.0/20");
  const mask = (-1 << (32 - Number(bits))) >>> 0;
  return { network: (number & mask) >>> 0, mask };
}

function addressNumber(address: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  const parts = match?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
