import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where the API is while the console is developed; `npm start` serves it there. */
const api = process.env.SLIPWAY_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react()],
  // The server writes a fresh nonce over it in each answer.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    manifest: true,
    cssCodeSplit: true,
    target: "es2022",
    // The content security policy allows no script and no font from a data: URL.
    assetsInlineLimit: (path) => (path.endsWith(".svg") ? undefined : false),
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    proxy: {
      "^/(auth|livez|readyz|openapi.json|reference|[a-z]+\\.v1\\.)": {
        target: api,
        changeOrigin: true,
        // The endpoints of sessions take calls from their own origin only.
        headers: { origin: api },
      },
    },
  },
});
