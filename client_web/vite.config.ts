import { defineConfig } from "vitest/config";

// During development the API is asked from a running `sali serve`; the built page is served by it.
const server = "http://127.0.0.1:8000";

export default defineConfig({
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  worker: { format: "es" },
  server: { host: "127.0.0.1", proxy: { "/v1": { target: server, ws: true } } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
