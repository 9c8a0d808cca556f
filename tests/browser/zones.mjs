// A viewer in a zone of their own reads when things happened in stores of other zones. Says what the pages show, a line of
// JSON each, on standard output. Arguments: address, name, password, JSON of [{id, store, camera, at}].
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, name, password, alerts] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, timezoneId: "Asia/Kathmandu" });
page.setDefaultTimeout(60_000);
await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();

let store = "";
for (const each of JSON.parse(alerts)) {
  if (each.store !== store) {
    store = each.store;
    await page.goto(`${address}alerts?state=all&store=${store}`);
  }
  const list = await page.locator(`section.list a[href*="${each.id}"] time`).first().innerText();
  say({ step: "list", id: each.id, text: list });
}
for (const each of JSON.parse(alerts)) {
  await page.goto(`${address}watch?store=${each.store}&cameras=${each.camera}&at=${encodeURIComponent(each.at)}`);
  const box = page.getByLabel("Day and time in the store");
  await box.waitFor();
  say({ step: "timeline", id: each.id, text: await box.inputValue() });
}
await browser.close();
