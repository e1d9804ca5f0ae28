import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `finegym serve` serves what is built here; in development, `npm run dev` passes the API on to a running server.
const SERVER = process.env["FINEGYM_SERVER"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "../src/finegym/labelling/static", emptyOutDir: true, target: "es2022" },
  server: { proxy: { "/api": SERVER, "/media": SERVER } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
