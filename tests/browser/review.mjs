// A loss-prevention analyst in Debian's Chromium: signs in, waits for an alert, looks at its video, decides, finds it again.
// Says what it saw, a line of JSON each, on standard output. Arguments: address, name, password, folder for pictures.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const [address, name, password, folder] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, timezoneId: "Asia/Tokyo" });
page.setDefaultTimeout(60_000);
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));
page.on("console", (line) => line.type() === "error" && errors.push(line.text()));

await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
// Before this a stranger's page has asked who it is and was refused.
errors.length = 0;
say({ step: "waiting", path: new URL(page.url()).pathname });

// The alert comes by itself: the page is not loaded again.
const inQueue = page.locator("section.list li a");
await inQueue.first().waitFor();
const title = await inQueue.first().locator(".title").innerText();
await inQueue.first().click();
await page.waitForURL(/\/alerts\/[0-9a-f-]{36}/);
const alert = new URL(page.url()).pathname.split("/").pop();
say({ step: "opened", alert, title });

const video = page.locator("video");
await video.waitFor();
// While the camera still records the end of it the clip grows; the page loads the whole by itself.
await page
  .waitForFunction(() => {
    const each = document.querySelector("video");
    return each && each.readyState >= 3 && !each.src.includes("&seen=");
  })
  .catch(async (error) => {
    const video = await page.evaluate(() => {
      const each = document.querySelector("video");
      return each && [each.src, each.readyState, each.error?.message, each.currentTime, each.duration];
    });
    await page.screenshot({ path: `${folder}/stuck.png` });
    say({ step: "stuck", video, errors, page: await page.locator("main").innerText() });
    throw error;
  });
await video.evaluate((each) => each.pause());
const into = await page.evaluate(async (id) => {
  const detail = await (await fetch(`/api/v1/alerts/${id}`)).json();
  return (Date.parse(detail.video[0].event_at) - Date.parse(detail.video[0].starts_at)) / 1000;
}, alert);
// The frame that the browser shows for the event, as it shows it.
await video.evaluate((each, seconds) => {
  window.frameOfEvent = new Promise((taken) => {
    const look = (_, frame) => {
      if (Math.abs(frame.mediaTime - seconds) > 0.2) {
        each.requestVideoFrameCallback(look);
        return;
      }
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [each.videoWidth, each.videoHeight];
      const context = canvas.getContext("2d");
      context.drawImage(each, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const luma = new Uint8Array(data.length / 4);
      // Colours of the picture to its luma (ITU-R BT.601, limited range), as the camera coded it.
      for (let at = 0; at < luma.length; at++) {
        luma[at] = 16 + (65.738 * data[at * 4] + 129.057 * data[at * 4 + 1] + 25.064 * data[at * 4 + 2]) / 256;
      }
      let text = "";
      for (let at = 0; at < luma.length; at += 32_768) text += String.fromCharCode(...luma.subarray(at, at + 32_768));
      taken({ width: canvas.width, height: canvas.height, bytes: btoa(text) });
    };
    each.requestVideoFrameCallback(look);
  });
}, into);
await page.keyboard.press("h");
const picture = await page.evaluate(() => window.frameOfEvent);
writeFileSync(`${folder}/event.gray`, Buffer.from(picture.bytes, "base64"));
const shown = await page.locator(".controls .now").innerText();
await page.screenshot({ path: `${folder}/review.png` });
say({ step: "looked", shown, width: picture.width, height: picture.height });

await page.evaluate(axe);
const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag22aa"] }));
say({ step: "accessible", violations: found.violations.map((each) => `${each.id}: ${each.nodes[0]?.html}`) });

await page.mouse.move(1200, 20);
await page.keyboard.press("4");
await page.getByText("No issue").first().waitFor();
await page.keyboard.press("g");
await page.keyboard.press("q");
await page.waitForURL(/\/alerts$/);
await page.getByRole("heading", { name: "Alerts 0 to review" }).waitFor();
// What was decided stays where it was, marked, until the hand and the focus have left the list.
await page.evaluate(() => document.activeElement?.blur());
await page
  .waitForFunction(() => document.querySelectorAll("section.list li a").length === 0)
  .catch(async (error) => {
    say({ step: "stuck", page: await page.locator("main").innerText(), focus: await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200)) });
    throw error;
  });
say({ step: "decided" });

await page.keyboard.press("/");
await page.waitForURL(/\/search/);
await page.locator("#query").fill("whisky rule:price_override_deep");
await page.keyboard.press("Enter");
const hit = page.locator(`.results a[href*="${alert}"]`);
await hit.first().waitFor();
await page.screenshot({ path: `${folder}/search.png` });
say({ step: "found", hits: await page.locator(".results a").count() });

// A receipt on which nothing fired: found by register and minutes of the store's clock, with its video.
const query = await page.evaluate(async (id) => {
  const get = async (path) => (await fetch(`/api/v1/${path}`)).json();
  const { alert } = await get(`alerts/${id}`);
  const { tz } = (await get("stores")).items.find((each) => each.id === alert.store_id);
  const clock = new Intl.DateTimeFormat("en-CA", {
    timeZone: tz, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  });
  const minute = (off) => {
    const at = new Date(Date.parse(alert.event_time) + off * 60_000);
    const part = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, value]));
    return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
  };
  return `store:${alert.store_id} register:${alert.register_id} from:${minute(-2)} to:${minute(2)} is:receipt -has:alert`;
}, alert);
await page.locator("#query").fill(query);
await page.keyboard.press("Enter");
const quiet = page.locator('.results a[href^="/transactions/"]');
await page.waitForFunction(
  () => document.querySelector('.results a[href^="/transactions/"]') && !document.querySelector('.results a[href^="/alerts/"]'),
);
const receipts = await quiet.count();
await quiet.first().click();
await page.waitForURL(/\/transactions\/[0-9a-f-]{36}/);
await page.getByText("No rule fired on this transaction.").waitFor();
await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
await page.screenshot({ path: `${folder}/transaction.png` });
say({ step: "quiet", query, receipts, path: new URL(page.url()).pathname, videos: await page.locator("video").count() });

// The report of the day has it too, the verdict first.
await page.keyboard.press("Escape");
await page.evaluate(() => document.activeElement?.blur());
await page.keyboard.press("g");
await page.keyboard.press("r");
// It opens on yesterday; today is not over.
await page.getByRole("button", { name: "Day after" }).click();
await page.locator(".verdict").filter({ hasText: "so far" }).waitFor();
await page.screenshot({ path: `${folder}/report.png`, fullPage: true });
say({ step: "reported", verdict: await page.locator(".verdict").innerText() });
say({ step: "done", errors });
await browser.close();
