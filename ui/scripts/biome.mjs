// Runs Biome's binary. Its wrapper package is not used: it names packages for every system, which not every registry
// serves, and `npm ci` then refuses the whole lock file.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL(`../node_modules/@biomejs/cli-linux-${process.arch}/biome`, import.meta.url));
if (!existsSync(binary)) {
  console.error("Biome is here for Linux on x64 and arm64 only: types are checked, format and lints are not.");
  process.exit(0);
}
process.exit(spawnSync(binary, process.argv.slice(2), { stdio: "inherit" }).status ?? 1);
