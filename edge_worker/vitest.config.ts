import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { silent: "passed-only" },
  plugins: [
    cloudflareTest({
      wrangler: { configPath: "./wrangler.jsonc" },
      miniflare: {
        bindings: {
          ORIGIN_URL: "https://origin.test",
          ALLOWED_ORIGINS: "https://app.test",
          BACKLOG_SHARDS: "2",
          TELEGRAM_WEBHOOK_SECRET: "telegram-knows-this,telegram-knew-this",
          EDGE_SHARED_SECRET: "the-first-secret-of-both-sides-0001,the-second-secret-of-both-sides-002",
        },
      },
    }),
  ],
});
