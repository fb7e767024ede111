/** What the worker tells about itself: JSON lines and counters, with nothing of a person in them. */
import type { Env } from "./env";

const CORRELATION = "X-Correlation-ID";

/** One request on its way through the worker. */
export class Turn {
  readonly began = Date.now();
  readonly correlation: string;
  /** What became of it, such as `memory`, `origin`, `kept`: one word for logs and counters. */
  outcome = "";

  constructor(
    readonly env: Env,
    readonly request: Request,
    readonly ctx: ExecutionContext,
  ) {
    this.correlation = request.headers.get("cf-ray")?.match(/^[\w-]{8,40}$/)?.[0] ?? crypto.randomUUID();
  }

  /** Where the request comes from; the same for everybody where there is no Cloudflare before the worker. */
  get address(): string {
    return this.request.headers.get("CF-Connecting-IP") ?? "local";
  }
}

/** The id under which the origin goes on logging. */
export function correlated(correlation: string, headers: Record<string, string> = {}): Record<string, string> {
  return { ...headers, [CORRELATION]: correlation };
}

export function log(event: string, facts: Record<string, string | number | boolean>): void {
  console.log(JSON.stringify({ event, ...facts }));
}

/** Counts something that is no request: how many updates were dropped, delivered late, given up. */
export function count(env: Env, what: string, number = 1): void {
  env.COUNTERS.writeDataPoint({ indexes: [what], blobs: [what], doubles: [number] });
}

// What goes as it should is nearly everything, and all alike: one in so many is counted for all of them, and logged.
const ROUTINE = new Set(["memory", "colo", "kv", "origin", "r2", "live", "passed"]);
const SAMPLED = 16;

/** Says what became of a request, once it is answered. */
export function conclude(turn: Turn, route: string, response: Response): void {
  const isRoutine = ROUTINE.has(turn.outcome) && response.status < 400;
  if (isRoutine && Math.random() * SAMPLED >= 1) return;
  const ms = Date.now() - turn.began;
  turn.env.COUNTERS.writeDataPoint({
    indexes: [route],
    blobs: [route, turn.outcome, String(response.status)],
    doubles: [isRoutine ? SAMPLED : 1, ms],
  });
  log("request", { route, outcome: turn.outcome, status: response.status, ms, correlation_id: turn.correlation });
}
