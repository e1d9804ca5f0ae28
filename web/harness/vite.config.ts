import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// Built by the tests alone, into a folder that they name.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  build: { target: "es2022", emptyOutDir: true },
});
