/** The worker in front of the origin: docs/edge.md says what it is for, ADR 24 how it keeps the order of updates. */
import { settingsOf, SettingsError, type Env, type Settings } from "./env";
import { dressed, plain, unavailable } from "./http";
import { conclude, log, Turn } from "./observe";
import { answer, routeOf, targetOf } from "./router";

export { OriginReader } from "./cards/reader";
export { PurgeLog } from "./cards/purge_log";
export { Backlog } from "./telegram/backlog";

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const turn = new Turn(env, request, ctx);
    const route = routeOf(targetOf(request));
    let settings: Settings | null = null;
    let response: Response;
    try {
      settings = settingsOf(env);
      response = route ? await answer(turn, settings, route) : plain(404);
    } catch (error) {
      response = failed(turn, error);
    }
    conclude(turn, route?.name ?? "unknown", response);
    return dressed(response, request, settings, turn.correlation);
  },
} satisfies ExportedHandler<Env>;

/** Nothing of the error but its kind: its words may hold what was sent. */
function failed(turn: Turn, error: unknown): Response {
  turn.outcome = "failed";
  const reason = error instanceof SettingsError ? error.message : error instanceof Error ? error.name : "unknown";
  log("failed", { reason, correlation_id: turn.correlation });
  return unavailable(5);
}
