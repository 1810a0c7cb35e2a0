// Fails the build when the page, as a server sends it compressed, grows beyond its limit, or names
// another origin's resources.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 150_000;
const dist = new URL("../dist/", import.meta.url).pathname;
const files = readdirSync(dist, { recursive: true })
  .map((name) => join(dist, String(name)))
  .filter((path) => statSync(path).isFile());

const total = files.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
// XML namespaces are names, not requests.
const foreign = files.filter((path) =>
  /["'(]https?:\/\/(?!www\.w3\.org\/)/.test(readFileSync(path, "utf8")),
);
console.log(`bundle: ${total} bytes gzipped of ${LIMIT_BYTES}`);
if (total > LIMIT_BYTES || foreign.length > 0) {
  console.error(`bundle refused: ${total} bytes, foreign addresses in ${foreign.join(", ") || "none"}`);
  process.exit(1);
}
