import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// An observer to develop against: OUTRIDER_OBSERVER=http://127.0.0.1:7117 npm run dev
const observer = process.env.OUTRIDER_OBSERVER ?? "http://127.0.0.1:7117";

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      "/api": {
        target: observer,
        changeOrigin: true,
        // The observer refuses changes by pages of other addresses, and this server has another one.
        configure: (proxy) => proxy.on("proxyReq", (request) => request.removeHeader("origin")),
      },
    },
  },
  build: {
    outDir: process.env.OUTRIDER_PAGE_OUT ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    // The policy of the page allows files of its own alone: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
});
