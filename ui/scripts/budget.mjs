// Puts every file of text beside itself in brotli, for the server to send. Fails the build when the first load is over
// 220 KiB or a chunk of a route over 60 KiB of that, or when something in it points to another host.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

const FIRST = 220;
const CHUNK = 60;
const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");
const kib = (name) => {
  const packed = brotliCompressSync(readFileSync(new URL(name, dist)));
  writeFileSync(new URL(`${name}.br`, dist), packed);
  return packed.length / 1024;
};
const first = ["index.html", ...[...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((found) => found[1])];
const files = readdirSync(new URL("assets/", dist)).filter((name) => !name.endsWith(".br"));
const assets = files.map((name) => `assets/${name}`);

let bad = 0;
let sum = 0;
for (const name of first) sum += kib(name);
console.log(`first load ${sum.toFixed(1)} KiB brotli (${first.length} files, at most ${FIRST})`);
if (sum > FIRST) bad += 1;
for (const name of assets.filter((name) => !first.includes(name))) {
  const size = kib(name);
  console.log(`  ${size.toFixed(1).padStart(6)} KiB  ${name}`);
  if (size > CHUNK) bad += 1;
}
if (/(?:src|href)="https?:/.test(html)) bad += 1;
for (const name of assets.filter((name) => name.endsWith(".css"))) {
  if (/url\(["']?https?:/.test(readFileSync(new URL(name, dist), "utf8"))) bad += 1;
}
if (bad) {
  console.error("over the budget, or a request to another host");
  process.exit(1);
}
