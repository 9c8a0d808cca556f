// The HTML of a report's mail on a phone: where verdict and first exception are, whether anything is wider than the screen
// or asked for over the network, and barriers (axe) in light and dark. Arguments: the HTML file, the picture to write. Says
// it as JSON.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const [file, picture] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
const asked = [];
page.on("request", (request) => /^https?:/.test(request.url()) && asked.push(request.url()));
await page.goto(`file://${file}`);
const bottom = async (selector) => {
  const box = await page.locator(selector).first().boundingBox();
  return box && Math.round(box.y + box.height);
};
const said = {
  verdict: await bottom("h1 + p"),
  exception: await bottom("h2"),
  first: await page.locator("h2").first().innerText(),
  width: await page.evaluate(() => document.documentElement.scrollWidth),
  asked,
  violations: [],
};
await page.evaluate(axe);
for (const theme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: theme });
  await page.screenshot({ path: theme === "light" ? picture : picture.replace(/\.png$/, "-dark.png"), fullPage: theme === "dark" });
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }));
  said.violations.push(...found.violations.map((each) => `${theme}: ${each.id}: ${each.nodes[0]?.html}`));
}
await browser.close();
console.log(JSON.stringify(said));
