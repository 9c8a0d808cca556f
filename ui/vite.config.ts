import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// Where `npm run dev` finds the API: TILLSIGHT_API=http://127.0.0.1:8080
const { TILLSIGHT_API: api = "http://127.0.0.1:8080" } = loadEnv("", ".", "TILLSIGHT_");

export default defineConfig({
  plugins: [react()],
  server: { port: 5173, proxy: { "/api": { target: api } } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
