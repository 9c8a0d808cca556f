// An analyst looks at what a store asked for: the queue marks it, the filter finds it, its page says who, when and from which
// report. Says what it saw as JSON. Arguments: address, name, password, folder for pictures.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const [address, name, password, folder] = process.argv.slice(2);

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

const rows = page.locator("section.list li a.alert");
await rows.first().waitFor();
const first = await rows.first().innerText();
await page.screenshot({ path: `${folder}/asked-queue.png` });
await page.getByTitle("Asked for").selectOption({ label: "A store asks to look" });
await page.waitForURL(/asked=/);
await page.waitForFunction(() => document.querySelectorAll("section.list li a.alert").length === 1);
const filtered = await rows.allInnerTexts();
await rows.first().click();
const line = page.locator("p.asked");
await line.waitFor();
const asked = await line.innerText();
const report = await line.getByRole("link").getAttribute("href");
const history = await page.locator("ol.reviews").innerText();
const violations = {};
for (const scheme of ["light", "dark"]) {
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: `${folder}/asked-${scheme}-${width}.png` });
  }
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag22aa"] }));
  violations[scheme] = found.violations.map((each) => `${each.id}: ${each.nodes[0]?.html}`);
}
const wide = await page.evaluate(() => document.documentElement.scrollWidth);
await browser.close();
console.log(JSON.stringify({ first, filtered, asked, report, history, wide, violations }));
