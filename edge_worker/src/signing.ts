/**
 * HMAC-SHA256 with EDGE_SHARED_SECRET, as apps/core/edge_signing.py has it. Every message begins with what it is for, so
 * that a signature of one kind never passes as one of another.
 */
const encoder = new TextEncoder();
const keys = new Map<string, Promise<CryptoKey>>();

export const MAX_AGE_SECS = 60;

export interface Signed {
  timestamp: string;
  nonce: string;
  signature: string;
}

/** A call from one side to the other. `target` is the path with its query. */
export interface Call {
  to: "origin" | "edge";
  method: string;
  target: string;
  body: string;
}

export async function signCall(secrets: readonly string[], call: Call): Promise<Signed> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = crypto.randomUUID();
  const signature = await sign(secrets, await callMessage(call, timestamp, nonce));
  return { timestamp, nonce, signature };
}

/** Whether somebody who knows the secret made this call within the last minute. */
export async function isSignedCall(secrets: readonly string[], call: Call, signed: Signed): Promise<boolean> {
  const age = Date.now() / 1000 - Number(signed.timestamp);
  const isRecent = /^\d{1,12}$/.test(signed.timestamp) && Math.abs(age) <= MAX_AGE_SECS;
  if (!isRecent || !/^[\w-]{8,64}$/.test(signed.nonce)) return false;
  return verify(secrets, await callMessage(call, signed.timestamp, signed.nonce), signed.signature);
}

/** Whether the origin made this link; `target` is all of it but the signature. */
export function isSignedLink(secrets: readonly string[], target: string, signature: string): Promise<boolean> {
  return verify(secrets, linkMessage(target), signature);
}

/** As the origin signs a link; the worker itself only ever checks. */
export function signLink(secrets: readonly string[], target: string): Promise<string> {
  return sign(secrets, linkMessage(target));
}

/** Equal or not, in a time that tells nothing of where they differ. */
export async function isOneOf(secrets: readonly string[], given: string): Promise<boolean> {
  const digest = await sha256(given);
  let found = false;
  for (const secret of secrets) found = crypto.subtle.timingSafeEqual(await sha256(secret), digest) || found;
  return found;
}

function linkMessage(target: string): string {
  return `v1\nlink\n${target}`;
}

async function callMessage(call: Call, timestamp: string, nonce: string): Promise<string> {
  const body = hex(await sha256(call.body));
  return ["v1", `to ${call.to}`, call.method, call.target, timestamp, nonce, body].join("\n");
}

async function sign(secrets: readonly string[], message: string): Promise<string> {
  const [first] = secrets;
  if (!first) throw new Error("no secret to sign with");
  return hex(await crypto.subtle.sign("HMAC", await keyOf(first), encoder.encode(message)));
}

async function verify(secrets: readonly string[], message: string, signature: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  const bytes = Uint8Array.from(signature.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  for (const secret of secrets)
    if (await crypto.subtle.verify("HMAC", await keyOf(secret), bytes, encoder.encode(message))) return true;
  return false;
}

function keyOf(secret: string): Promise<CryptoKey> {
  let key = keys.get(secret);
  if (!key) {
    const use = { name: "HMAC", hash: "SHA-256" };
    key = crypto.subtle.importKey("raw", encoder.encode(secret), use, false, ["sign", "verify"]);
    keys.set(secret, key);
  }
  return key;
}

function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", encoder.encode(text));
}

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
