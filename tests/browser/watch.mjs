// Free playback in Debian's Chromium: opens /watch at an instant, plays, steps and jumps, and reads the clock that the
// cameras burnt into their pictures off the screen. Says what it saw, a line of JSON each, on standard output.
// Arguments: address, name, password, folder for pictures, how many jumps are measured (20).
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core").source;
const [address, name, password, folder, jumps = "20"] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

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

// What reads the page, inside the page: the burnt-in clock of each camera and the time beside the controls.
await page.addInitScript(() => {
  const POINT = 3;
  // Rows of five points, a byte each, of the letters of a clock (datasets/cameras/font.txt).
  const GLYPHS = {
    0: "0e11131519110e", 1: "040c040404040e", 2: "0e11010608101f", 3: "1e01010e01011e", 4: "02060a121f0202",
    5: "1f101e0101110e", 6: "0608101e11110e", 7: "1f010204080808", 8: "0e11110e11110e", 9: "0e11110f01020c",
    Z: "1f01020408101f", " ": "00000000000000", "-": "0000000e000000", ":": "000c0c000c0c00", ".": "00000000000c0c",
    "#": "0a0a1f0a1f0a0a",
  };
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const strip = POINT * 9;
  const letters = 23;
  function text(video) {
    const width = POINT * 6 * (letters + 1);
    if (video.videoWidth < width) return "";
    [canvas.width, canvas.height] = [width, strip];
    context.drawImage(video, 0, video.videoHeight - strip - 1, width, strip, 0, 0, width, strip);
    const { data } = context.getImageData(0, 0, width, strip);
    let said = "";
    for (let cell = 0; cell < letters; cell++) {
      let [best, least] = ["?", 35 * 60];
      for (const [letter, rows] of Object.entries(GLYPHS)) {
        let off = 0;
        for (let row = 0; row < 7; row++) {
          const bits = Number.parseInt(rows.slice(row * 2, row * 2 + 2), 16);
          for (let column = 0; column < 5; column++) {
            const x = POINT * 3 + cell * POINT * 6 + column * POINT + 1;
            const y = POINT + row * POINT + 1;
            off += Math.abs(data[(y * width + x) * 4 + 1] - ((bits >> (4 - column)) & 1 ? 235 : 16));
          }
        }
        if (off < least) [best, least] = [letter, off];
      }
      said += best;
    }
    return said;
  }
  // Milliseconds since 1970 of what each camera shows, null where no clock is seen.
  window.burnt = () =>
    [...document.querySelectorAll(".pane")].map((pane) => {
      const video = pane.querySelector("video.seen");
      const found = video && /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d)Z/.exec(text(video));
      return found ? Date.parse(`${found[1]}T${found[2]}Z`) : null;
    });
  // The page's time, in milliseconds since the store's midnight.
  window.shown = () => {
    const found = /(\d\d):(\d\d):(\d\d)\.(\d)/.exec(document.querySelector(".controls .now")?.textContent ?? "");
    return found ? ((+found[1] * 60 + +found[2]) * 60 + +found[3]) * 1000 + +found[4] * 100 : null;
  };
  const ofDay = (at, zone) => {
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", timeStyle: "medium" }).format(at);
    const [hour, minute, second] = clock.split(":").map(Number);
    return ((hour * 60 + minute) * 60 + second) * 1000 + (at % 1000);
  };
  // By how much the page's time is after each picture's.
  window.off = (zone) => {
    const page = window.shown();
    return window.burnt().map((at) => (at === null || page === null ? null : page - ofDay(at, zone)));
  };
  // Waits for the first drawing in which every camera has the page's time; how long that took since `since`.
  window.correct = (zone, since, not) =>
    new Promise((done) => {
      const end = performance.now() + 15_000;
      const look = () => {
        const off = window.off(zone);
        const right = off.length > 0 && off.every((each) => each !== null && Math.abs(each) <= 250);
        if (right && window.shown() !== not) done({ ms: performance.now() - since, off });
        else if (performance.now() > end) done({ ms: null, off });
        else requestAnimationFrame(look);
      };
      look();
    });
});

const part = (values, share) => {
  const sorted = values.filter((each) => each !== null).sort((one, other) => one - other);
  return sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]) : null;
};

await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
// Before this a stranger's page has asked who it is and was refused.
errors.length = 0;

// The last half minute or so that all cameras of a store have.
const { store, cameras, from, to } = await page.evaluate(async () => {
  const get = async (path) => (await fetch(`/api/v1/${path}`)).json();
  for (let round = 0; round < 90; round++) {
    const { items } = await get("cameras");
    const recorded = items.filter((each) => each.recorded_from);
    const of = recorded.filter((each) => each.store_id === recorded[0].store_id).slice(0, 4);
    const to = Math.min(...of.map((each) => Date.parse(each.recorded_to))) - 6_000;
    let from = Math.max(...of.map((each) => Date.parse(each.recorded_from)), to - 3_600_000) + 2_000;
    if (of.length > 0 && to - from > 24_000) {
      const query = new URLSearchParams({ store: of[0].store_id, from: new Date(from).toISOString(), to: new Date(to).toISOString() });
      const coverage = await get(`coverage?${query}`);
      const gaps = coverage.cameras.flatMap((each) => each.spans).filter((each) => each.kind === "gap");
      const ends = gaps.map((each) => Date.parse(each.end_at)).filter((end) => to - end > 24_000);
      if (gaps.every((each) => to - Date.parse(each.end_at) > 24_000)) {
        from = Math.max(from, ...ends.map((end) => end + 2_000), to - 120_000);
        return { store: of[0].store_id, cameras: of.map((each) => each.id), from, to };
      }
    }
    await new Promise((done) => setTimeout(done, 1_000));
  }
});
const zone = await page.evaluate(
  async (id) => (await (await fetch("/api/v1/stores")).json()).items.find((each) => each.id === id).tz,
  store,
);
const open = async (at, zoom = 300) => {
  const query = new URLSearchParams({ store, cameras: cameras.join(","), at: new Date(at).toISOString(), zoom: String(zoom) });
  await page.goto(new URL(`/watch?${query}`, address).href);
};
await open((from + to) / 2 - 4_000);
const opened = await page.evaluate((zone) => window.correct(zone, 0, null), zone);
say({ step: "opened", store, cameras, zone, seconds: Math.round((to - from) / 1000), ms: Math.round(opened.ms), off: opened.off });

// Plays: the pictures against the page's time, and against each other.
await page.keyboard.press("Space");
await pause(1_500);
const samples = await page.evaluate(
  (zone) =>
    new Promise((done) => {
      const seen = [];
      const timer = setInterval(() => {
        seen.push({ at: performance.now(), off: window.off(zone), burnt: window.burnt() });
        if (seen.length < 60) return;
        clearInterval(timer);
        done(seen);
      }, 100);
    }),
  zone,
);
await page.keyboard.press("Space");
const all = samples.flatMap((each) => each.off);
const apart = samples
  .filter((each) => each.burnt.every((at) => at !== null))
  .map((each) => Math.max(...each.burnt) - Math.min(...each.burnt));
const read = samples.filter((each) => each.burnt[0] !== null);
say({
  step: "played", samples: samples.length, unread: all.filter((each) => each === null).length,
  went: read.at(-1).burnt[0] - read[0].burnt[0], took: Math.round(read.at(-1).at - read[0].at),
  off: { p50: part(all.map((each) => each === null ? null : Math.abs(each)), 0.5), p95: part(all.map((each) => each === null ? null : Math.abs(each)), 0.95), most: part(all.map((each) => each === null ? null : Math.abs(each)), 1) },
  apart: { p50: part(apart, 0.5), p95: part(apart, 0.95), most: part(apart, 1) },
});

// Faster.
const paces = [];
for (const [keys, speed] of [[">", 2], [">>", 4], [">>>", 8], ["<<", 0.25]]) {
  await open(speed > 1 ? from : (from + to) / 2);
  await page.evaluate((zone) => window.correct(zone, 0, null), zone);
  for (const key of keys) await page.keyboard.press(key);
  await page.keyboard.press("Space");
  await pause(700);
  const one = await page.evaluate(() => [performance.now(), window.shown()]);
  await pause(speed > 1 ? Math.min(4_000, (to - from) / speed / 1.6) : 3_000);
  const other = await page.evaluate((zone) => [performance.now(), window.shown(), window.off(zone)], zone);
  await page.keyboard.press("Space");
  paces.push({ speed, real: Math.round(((other[1] - one[1]) / (other[0] - one[0])) * 100) / 100, off: other[2] });
}
say({ step: "paced", paces });

// Steps, frame by frame.
await open((from + to) / 2);
await page.evaluate((zone) => window.correct(zone, 0, null), zone);
const steps = [];
for (const key of [".", ".", ".", ".", ".", ",", ",", ","]) {
  const before = await page.evaluate(() => window.burnt()[0]);
  await page.keyboard.press(key);
  await page.waitForFunction((was) => window.burnt()[0] !== null && window.burnt()[0] !== was, before, { timeout: 5_000 }).catch(() => undefined);
  await page.evaluate((zone) => window.correct(zone, 0, null), zone);
  const after = await page.evaluate(() => window.burnt()[0]);
  steps.push({ key, ms: after - before });
}
say({ step: "stepped", steps });

// Jumps: a click on the timeline to the first drawing in which every camera has that time.
await open((from + to) / 2, Math.max(60, Math.round((to - from) / 1000)));
await page.evaluate((zone) => window.correct(zone, 0, null), zone);
await page.evaluate(() => {
  window.addEventListener("pointerup", () => { window.pressed = performance.now(); }, { capture: true });
});
const slider = await page.locator(".watch-lanes .slider").boundingBox();
const valueAt = async () => Number(await page.locator(".watch-lanes .slider").getAttribute("aria-valuenow"));
const took = [];
const offs = [];
let seed = 7;
for (let count = 0; count < Number(jumps); count++) {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  const before = await page.evaluate(() => window.shown());
  const [low, high] = await page.evaluate(() => {
    const element = document.querySelector(".watch-lanes .slider");
    return [Number(element.getAttribute("aria-valuemin")), Number(element.getAttribute("aria-valuemax"))];
  });
  const at = from / 1000 + ((seed / 2147483648) * (to - from)) / 1000;
  const x = slider.x + Math.min(0.99, Math.max(0.01, (at - low) / (high - low))) * slider.width;
  await page.mouse.click(x, slider.y + 30);
  const found = await page.evaluate(([zone, before]) => window.correct(zone, window.pressed, before), [zone, before]);
  took.push(found.ms);
  offs.push(...found.off);
  await page.mouse.move(slider.x + 10, 20);
  await pause(150);
}
say({
  step: "jumped", jumps: took.length, lost: took.filter((each) => each === null).length, at: await valueAt(),
  ms: { p50: part(took, 0.5), p95: part(took, 0.95), most: part(took, 1) },
  off: part(offs.map((each) => (each === null ? null : Math.abs(each))), 1),
});

// The hour is the store's, and what is no time is answered.
const box = page.getByLabel("Day and time in the store");
await page.keyboard.press("t");
await box.fill("25:99");
await page.keyboard.press("Enter");
const wrong = await page.locator(".time-said").innerText();
await page.keyboard.press("Escape");
await page.keyboard.press("t");
await box.fill(new Date(from + 3_000).toISOString());
await page.keyboard.press("Enter");
const typed = await page.evaluate((zone) => window.correct(zone, performance.now(), null), zone);
await page.waitForFunction((at) => new URL(location.href).searchParams.get("at") === at, new Date(from + 3_000).toISOString());
// Alerts and receipts of the till stand below the cameras.
const marks = page.locator(".marks button");
await marks.first().waitFor({ timeout: 20_000 }).catch(() => undefined);
say({ step: "typed", wrong, off: typed.off, title: await page.title(), marks: await marks.count() });

await page.mouse.move(slider.x + slider.width / 3, slider.y + 30);
await page.locator(".peek img").waitFor({ timeout: 5_000 }).catch(() => undefined);
await page.screenshot({ path: `${folder}/watch.png` });
const peek = await page.locator(".peek img").count();
await page.mouse.move(slider.x, 20);

const broken = [];
for (const theme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: theme });
  await page.evaluate(() => {
    for (const each of document.querySelectorAll(".in-view details")) each.open = true;
  });
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag22aa"] }));
  broken.push(...found.violations.map((each) => `${theme} ${each.id}: ${each.nodes[0]?.html}`));
}
say({ step: "accessible", peek, violations: broken });
say({ step: "done", errors });
await browser.close();
