// The build that is committed: deterministic, with names made of contents, nothing inline, for a strict CSP.
import { defineConfig } from "vite";

// Cloudscape's global styles hold fonts as data: half the size of the styles, and nothing that this CSP lets load. The
// system's own fonts follow in its list.
const withoutFonts = {
  name: "without-fonts",
  enforce: "pre" as const,
  transform(code: string, id: string) {
    return id.includes("global-styles/index.css") ? code.replace(/@font-face\s*\{[^}]*\}/g, "") : undefined;
  },
};

export default defineConfig({
  plugins: [withoutFonts],
  logLevel: "warn",
  base: "/_kansatsu/console/",
  esbuild: { jsx: "automatic", legalComments: "none" },
  build: {
    outDir: "../src/kansatsu/console/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rollupOptions: { onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning) },
    target: "es2022",
  },
  server: { proxy: { "/_kansatsu/console/api": "http://127.0.0.1:4566" } },
});
