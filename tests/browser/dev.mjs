// A change of the web app's source is seen in a page that is open and is not loaded again: by the development server. Says
// how long it took, a line of JSON each, on standard output. Arguments: address, name, password, path of the page, its
// source, a word that it shows, and the words that are written in the place of it one after another.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, name, password, path, source, first, ...words] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.setDefaultTimeout(60_000);
await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
await page.goto(`${address}${path}`);
const shown = (word) => page.locator("h1").filter({ hasText: new RegExp(`^${word}$`) }).waitFor();
await shown(first);
// A page that is loaded again loses this.
await page.evaluate(() => Object.assign(window, { opened: true }));
let before = first;
for (const word of words) {
  const text = readFileSync(source, "utf8");
  if (!text.includes(`>${before}<`)) throw new Error(`${source} does not show ${before}`);
  const began = performance.now();
  writeFileSync(source, text.replace(`>${before}<`, `>${word}<`));
  await shown(word);
  say({ word, ms: Math.round(performance.now() - began), opened: await page.evaluate(() => window.opened === true) });
  before = word;
}
await browser.close();
