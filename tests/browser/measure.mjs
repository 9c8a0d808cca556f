// How fast the pages are under the hands of an analyst, in Debian's Chromium. Says what it measured, a line of JSON each, on
// standard output. Times are taken inside the page: from the key or click to the picture that the browser presents
// (requestVideoFrameCallback). Arguments: address, name, password, how many alerts of each kind.
import { createRequire } from "node:module";
import { brotliCompressSync } from "node:zlib";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, name, password, count] = process.argv.slice(2);
const COUNT = Number(count);
const say = (what) => console.log(JSON.stringify(what));

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
page.setDefaultTimeout(60_000);
await page.addInitScript(() => {
  window.hands = { mouse: 0, keys: 0 };
  for (const kind of ["mousedown", "mouseup", "mousemove", "wheel", "pointerdown", "touchstart"]) {
    addEventListener(kind, () => { window.hands.mouse += 1; }, { capture: true, passive: true });
  }
  addEventListener("keydown", () => { window.hands.keys += 1; }, { capture: true });

  // From the next click or key to the first picture of a video for which `right` holds; right(mediaTime, video).
  window.toPicture = (right) =>
    new Promise((done) => {
      const before = document.querySelector("video");
      const source = before?.currentSrc;
      const begin = () => {
        const began = performance.now();
        const watched = new WeakSet();
        let over = false;
        const look = () => {
          if (over) return;
          for (const video of document.querySelectorAll("video")) {
            if (watched.has(video)) continue;
            watched.add(video);
            const each = (now, frame) => {
              if (over) return;
              if (right(frame.mediaTime, video, video !== before || video.currentSrc !== source)) {
                over = true;
                done(Math.max(now, frame.presentationTime) - began);
              } else video.requestVideoFrameCallback(each);
            };
            video.requestVideoFrameCallback(each);
          }
          requestAnimationFrame(look);
        };
        look();
      };
      addEventListener("click", begin, { capture: true, once: true });
      addEventListener("keydown", begin, { capture: true, once: true });
    });
});

// What the first page needs, as the network would carry it.
let first = 0;
const sized = [];
page.on("response", (answer) => {
  const path = new URL(answer.url()).pathname;
  if (!path.startsWith("/api/") && answer.request().resourceType() !== "image") {
    sized.push(answer.body().then((body) => { first += brotliCompressSync(body).length; }, () => undefined));
  }
});
await page.goto(address);
await page.getByLabel("Name").fill(name);
await Promise.all(sized);
say({ step: "first_load", kib: first / 1024 });
page.removeAllListeners("response");
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();

const list = () => page.locator("section.list a[href*='/alerts/']");
const detail = (id) => page.evaluate(async (id) => (await fetch(`/api/v1/alerts/${id}`)).json(), id);
// Where the page begins to play: 8 s before the event, or where the clip begins.
const beginning = (video) =>
  (Math.max(Date.parse(video.event_at) - 8000, Date.parse(video.starts_at)) - Date.parse(video.starts_at)) / 1000;
const shows = async (act, wanted) => {
  const taken = page.evaluate(
    (wanted) => window.toPicture((at, _, fresh) => fresh && at > wanted - 0.1 && at < wanted + 0.6),
    wanted,
  );
  await act();
  return await taken;
};

// A click in the list, on an alert that nothing was loaded of: every third, so that none is the one after an opened one.
await page.goto(`${address}alerts`);
await list().first().waitFor();
const ids = [];
for (let cursor = ""; ids.length < COUNT * 3; ) {
  const got = await page.evaluate(
    async (cursor) => (await fetch(`/api/v1/alerts?state=open&limit=200${cursor}`)).json(), cursor);
  ids.push(...got.items.map((each) => each.alert_id));
  if (!got.next_cursor) break;
  cursor = `&cursor=${got.next_cursor}`;
}
const cold = [];
for (let at = 0; at < COUNT; at += 1) {
  const id = ids[at * 3];
  const wanted = beginning((await detail(id)).video[0]);
  await page.goto(`${address}alerts`);
  await list().first().waitFor();
  const link = page.locator(`section.list a[href*="${id}"]`);
  for (let turn = 0; turn < 200 && !(await link.count()); turn += 1) {
    await page.locator("section.list .scroll").evaluate((box) => { box.scrollTop += box.clientHeight / 2; });
    await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next))));
  }
  cold.push(await shows(() => link.first().click(), wanted));
}
say({ step: "click", ms: cold });

// The next one by key, which the page has loaded ahead.
await page.goto(`${address}alerts/${ids[0]}`);
await page.waitForFunction(() => document.querySelector("video")?.readyState >= 3);
const ahead = [];
for (let at = 1; at <= COUNT; at += 1) {
  const wanted = beginning((await detail(ids[at])).video[0]);
  // A person looks at an alert for seconds before the next.
  await page.evaluate(() => new Promise((next) => setTimeout(next, 1500)));
  ahead.push(await shows(() => page.keyboard.press("j"), wanted));
}
say({ step: "next", ms: ahead });

// Seeks within a clip.
const seeks = [];
for (let at = 0; at < COUNT; at += 1) {
  await page.evaluate(() => document.querySelector("video").pause());
  const taken = page.evaluate(() => {
    const video = document.querySelector("video");
    const to = video.duration * (0.1 + 0.8 * Math.random());
    return new Promise((done) => {
      const began = performance.now();
      const each = (now, frame) => {
        if (Math.abs(frame.mediaTime - to) <= 0.1) done(Math.max(now, frame.presentationTime) - began);
        else video.requestVideoFrameCallback(each);
      };
      video.requestVideoFrameCallback(each);
      video.currentTime = to;
    });
  });
  seeks.push(await taken);
}
say({ step: "seek", ms: seeks });

// The receipt's line is marked when its time is shown.
const marks = [];
for (let at = 0; at < 5; at += 1) {
  await page.goto(`${address}alerts/${ids[at]}`);
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 3);
  const of = await detail(ids[at]);
  marks.push(...(await page.evaluate(async ({ lines, starts }) => {
    const video = document.querySelector("video");
    const times = new Map(lines.map((line) => [String(line.line_no), (Date.parse(line.camera_at) - starts) / 1000]));
    const [from, to] = [Math.min(...times.values()), Math.max(...times.values())];
    let shown = { at: 0, media: -1 };
    const frame = (_, meta) => {
      shown = { at: meta.presentationTime, media: meta.mediaTime };
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    const off = [];
    const seen = new Set();
    const look = new MutationObserver(() => {
      const line = document.querySelector(".receipt [aria-current=step]")?.closest("[data-line]")?.dataset.line;
      if (!line || seen.has(line) || shown.media < 0) return;
      seen.add(line);
      const media = shown.media + (video.paused ? 0 : Math.min(0.2, Math.max(0, (performance.now() - shown.at) / 1000)));
      off.push(Math.abs(media - times.get(line)) * 1000);
    });
    video.pause();
    video.currentTime = from - 1;
    await new Promise((sought) => video.addEventListener("seeked", sought, { once: true }));
    look.observe(document.querySelector(".receipt"), { subtree: true, attributes: true, attributeFilter: ["aria-current"] });
    video.playbackRate = 1;
    await video.play();
    await new Promise((played) => {
      const until = () => (video.currentTime >= to + 0.5 ? played() : requestAnimationFrame(until));
      until();
    });
    look.disconnect();
    return off;
  }, { lines: of.transaction.lines.filter((line) => line.camera_at), starts: Date.parse(of.video[0].starts_at) })));
}
say({ step: "line", ms: marks });

// Thirty decisions without a mouse: look at the picture, decide, the next one comes.
await page.goto(`${address}alerts`);
await list().first().waitFor();
await page.mouse.move(0, 0);
await page.evaluate(() => { document.activeElement?.blur(); window.hands = { mouse: 0, keys: 0 }; });
const began = Date.now();
await page.keyboard.press("j");
await page.keyboard.press("Enter");
let decided = 0;
for (; decided < 30; decided += 1) {
  await page.waitForURL(/\/alerts\/[0-9a-f-]{36}/);
  const id = new URL(page.url()).pathname.split("/").pop();
  await page.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  await page.keyboard.press("4");
  await page.waitForFunction((id) => !location.pathname.endsWith(id), id);
}
say({ step: "keyboard", seconds: (Date.now() - began) / 1000, decided, hands: await page.evaluate(() => window.hands) });

// A list of all receipts, scrolled to its end and about.
await page.goto(`${address}search`);
const results = page.locator(".results a");
await results.first().waitFor();
const total = Number((await page.locator(".count b").innerText()).replaceAll(",", ""));
const rolled = await page.evaluate(async () => {
  const box = [...document.querySelectorAll(".results, .results *")].find(
    (each) => each.scrollHeight > each.clientHeight + 200 && /auto|scroll/.test(getComputedStyle(each).overflowY),
  ) ?? document.scrollingElement;
  const gaps = [];
  let empty = 0;
  let last = performance.now();
  const until = last + 8_000;
  let turn = 0;
  while (performance.now() < until) {
    await new Promise((next) => requestAnimationFrame(next));
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    turn += 1;
    // Half a screen at each picture; every two seconds to somewhere else in the list.
    box.scrollTop = turn % 120 === 0 ? Math.random() * box.scrollHeight : box.scrollTop + box.clientHeight / 4;
    const middle = box.getBoundingClientRect();
    const under = document.elementFromPoint(middle.left + 60, middle.top + Math.min(middle.height, innerHeight) / 2);
    if (!under || !under.closest("li, a, [data-index]")) empty += 1;
  }
  return { gaps, empty, height: box.scrollHeight };
});
say({ step: "scroll", total, ...rolled });
await browser.close();
