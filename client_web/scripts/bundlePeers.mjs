// Bundles peers.mjs into one script for a page: `node scripts/bundlePeers.mjs OUT.js`.
import { writeFileSync } from "node:fs";
import { build } from "vite";

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: node scripts/bundlePeers.mjs OUT.js");
const entry = new URL("peers.mjs", import.meta.url).pathname;
const [{ output }] = await build({
  configFile: false,
  logLevel: "error",
  build: { write: false, minify: false, lib: { entry, formats: ["iife"], name: "peersBundle" } },
});
writeFileSync(out, output[0].code);
