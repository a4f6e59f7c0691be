import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  // Relative, because the same dist/ is served from tauri://localhost and from a loopback server.
  base: "./",
  plugins: [svelte()],
  resolve: {
    alias: { $lib: src("lib"), $components: src("components"), $features: src("features") },
    // Vitest would otherwise resolve svelte's server build.
    conditions: process.env.VITEST ? ["browser"] : undefined,
  },
  server: {
    port: 1420,
    strictPort: true,
    // `SIGNALBOX_URL=http://127.0.0.1:PORT npm run dev` develops against a running `signalbox serve`.
    proxy: process.env.SIGNALBOX_URL ? { "/api": { target: process.env.SIGNALBOX_URL, changeOrigin: true } } : undefined,
  },
  build: {
    target: "es2022",
    // The content policy allows neither data: fonts nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    // What the first picture needs is one script; otherwise each set of modules that parts share is one of its own.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "start", test: /src\/main\.ts$/ }] } } },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0] & { test: unknown });
