import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// An observer to develop against: OUTRIDER_OBSERVER=http://127.0.0.1:7117 npm run dev
const observer = process.env.OUTRIDER_OBSERVER ?? "http://127.0.0.1:7117";

const MUI = /node_modules\/(@mui|@emotion|@popperjs|@babel|stylis|prop-types|react-transition-group|hoist-non-react-statics|react-is|clsx|dom-helpers)\//;
const REACT = /node_modules\/(react|react-dom|scheduler)\/|preload-helper|commonjsHelpers/;

/**
 * MUI is one file that is not in the first load: every dialog and page needs most of it, and many small ones would pack worse and take a
 * request each. React, which both have, is another one: the browser compiles it beside the page's own.
 */
function chunkOf(id: string): string | undefined {
  return MUI.test(id) ? "mui" : REACT.test(id) ? "react" : undefined;
}

/** Has the browser compile the first load as a whole while it reads it, in the background, rather than function by function as each is called. */
const compiledAtOnce: Plugin = {
  name: "compiled-at-once",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk" && (file.isEntry || file.name === "react")) {
        file.code = `//# allFunctionsCalledOnLoad\n${file.code}`;
      }
    }
  },
};

export default defineConfig({
  plugins: [react(), compiledAtOnce],
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
    // One style sheet: a page that is loaded later has its styles, also where it could not be loaded the first time.
    cssCodeSplit: false,
    rollupOptions: { output: { manualChunks: chunkOf, onlyExplicitManualChunks: true } },
  },
});
