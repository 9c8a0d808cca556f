// How fast the pages are under the hands of an analyst, in Debian's Chromium. Says what it measured, a line of JSON
// each, on standard output. Arguments: address, name, password, ids of alerts with video (comma-separated, as the
// queue has them), how many of each kind.
//
// A picture counts that is of the clip of the wanted alert and of the wanted time in it, at the clip's full size, when
// the browser hands it to the screen (requestVideoFrameCallback). A video that stands there decoded when it is put into
// the page hands over nothing until it has moved: its picture counts with the second drawing after. Times run from the
// event of the hand, by its own time stamp, to when the picture is displayed.
// Nothing is waited for without a limit: what is late ends the run, and says what was seen instead.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, name, password, wanted, count] = process.argv.slice(2);
const IDS = wanted.split(",");
const COUNT = Number(count);
const LIMIT = 15_000;
// Pictures of the camera are this far apart, in seconds.
const FRAME = 1 / 15;
const say = (what) => console.log(JSON.stringify(what));

// A promise that is kept in time, or a sentence.
const within = (what, promise, limit = LIMIT + 5_000) => {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what}: not within ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// What counts inside the page.
const watching = () => {
  window.hands = { mouse: 0, keys: 0 };
  for (const kind of ["mousedown", "mouseup", "mousemove", "wheel", "pointerdown", "pointermove", "touchstart"]) {
    addEventListener(kind, () => { window.hands.mouse += 1; }, { capture: true, passive: true });
  }
  addEventListener("keydown", () => { window.hands.keys += 1; }, { capture: true });

  // From the next event of a kind to the first picture of a clip from `low` to `high` seconds in it.
  window.picture = ({ clip, low, high, on, limit }) =>
    new Promise((done, fail) => {
      const watched = new Map();
      const seen = [];
      const steps = {};
      let began = null;
      let shown = null;
      const step = (what) => { if (began !== null && !(what in steps)) steps[what] = performance.now() - began; };
      const end = () => {
        clearTimeout(timer);
        inserted.disconnect();
        stop.abort();
        for (const [video, callback] of watched) video.cancelVideoFrameCallback(callback);
      };
      const stop = new AbortController();
      addEventListener(on, (event) => { began ??= event.timeStamp; }, { capture: true, signal: stop.signal });
      const clipOf = (video) => {
        const { pathname, search } = new URL(video.currentSrc || location.href);
        return pathname + search;
      };
      const look = () => {
        for (const video of document.querySelectorAll("video")) {
          if (watched.has(video)) continue;
          step("video");
          const stands = video.readyState >= 2 && !video.seeking && clipOf(video) === clip;
          if (began !== null && stands && video.currentTime >= low && video.currentTime <= high) {
            requestAnimationFrame(() => requestAnimationFrame((now) => { shown = now - began; }));
          }
          for (const kind of ["loadedmetadata", "seeked"]) {
            video.addEventListener(kind, () => step(kind), { signal: stop.signal });
          }
          const each = (now, frame) => {
            const of = clipOf(video);
            seen.push([of, frame.mediaTime]);
            const right = began !== null && of === clip && frame.mediaTime >= low && frame.mediaTime <= high;
            if (!right) return watched.set(video, video.requestVideoFrameCallback(each));
            const at = Math.max(now, frame.presentationTime, frame.expectedDisplayTime);
            end();
            done({ ms: shown ?? at - began, moves: at - began, size: [frame.width, frame.height], steps });
          };
          watched.set(video, video.requestVideoFrameCallback(each));
        }
      };
      const inserted = new MutationObserver(look);
      const timer = setTimeout(() => {
        end();
        const videos = [...document.querySelectorAll("video")].map((each) => ({
          src: each.currentSrc, ready: each.readyState, network: each.networkState, at: each.currentTime,
          paused: each.paused, seeking: each.seeking, error: each.error?.message,
        }));
        const page = [location.href, document.querySelector("main")?.innerText.slice(0, 400)];
        const said = { wanted: [clip, low, high], began, steps, seen: seen.slice(-6), videos, page };
        fail(new Error(`no right picture within ${limit / 1000} s: ${JSON.stringify(said)}`));
      }, limit);
      look();
      inserted.observe(document, { childList: true, subtree: true });
    });
};

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(LIMIT);
await context.addInitScript(watching);
context.on("weberror", (each) => console.error(each.error()));
let page = await context.newPage();

// What the web app weighs on the network, by answer.
const weights = new Map();
const weighing = [];
page.on("requestfinished", (request) => {
  const path = new URL(request.url()).pathname;
  if (path.startsWith("/api/")) return;
  const weighed = ({ responseBodySize }) => weights.set(path, Math.max(weights.get(path) ?? 0, responseBodySize));
  weighing.push(request.sizes().then(weighed, () => undefined));
});
await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
await page.locator("section.list a[href*='/alerts/']").first().waitFor();
await within("what the first page loads", Promise.all(weighing));
const first = new Set(weights.keys());
const kib = (paths) => paths.map((path) => (weights.get(path) ?? 0) / 1024);
const firstKib = kib([...first]);

const asks = (path) => within(path, page.evaluate(async (path) => (await fetch(path)).json(), path));
const details = new Map();
const detail = async (id) => {
  if (!details.has(id)) {
    const got = await asks(`/api/v1/alerts/${id}`);
    const [video] = got.video;
    if (!video?.play_url || !video.starts_at) throw new Error(`alert ${id} has no video: ${JSON.stringify(video)}`);
    if (video.play_url.includes("&seen=")) throw new Error(`the clip of alert ${id} still grows`);
    const [starts, event, end] = [video.starts_at, video.event_at, video.to_at].map((each) => Date.parse(each));
    details.set(id, { clip: video.play_url, starts, event, end, lines: got.transaction.lines });
  }
  return details.get(id);
};
const queue = (await asks("/api/v1/queue?state=open&limit=200")).items.map((each) => each.head.alert_id);
if (String(queue.slice(0, IDS.length)) !== wanted) throw new Error(`the queue is not as expected: ${queue}`);
for (const id of IDS) await detail(id);

// The clip of an alert, at an instant of its camera; playing on when nobody pauses.
const at = ({ clip, starts }, instant, on, playing) => {
  const seconds = (instant - starts) / 1000;
  // The picture of an instant is the last one before it. One that plays is shown a little later at most.
  return { clip, low: seconds - FRAME - 0.012, high: seconds + (playing ? 0.35 : 0.012), on, limit: LIMIT };
};
// The page begins 8 s before the event, or where the clip does.
const opening = (of, on) => at(of, Math.max(of.event - 8_000, of.starts), on, true);
const shows = async (act, picture) => {
  const taken = page.evaluate((picture) => window.picture(picture), picture);
  taken.catch(() => undefined);
  await within("the page listens", page.evaluate(() => undefined));
  await act();
  return await within("a picture", taken);
};
const press = (key) => page.keyboard.press(key);
const paths = async () => await page.evaluate(() => location.pathname);
const parts = (all) => Object.fromEntries(["video", "loadedmetadata", "seeked"].map((part) => {
  const sorted = all.flatMap((each) => each.steps[part] ?? []).sort((one, other) => one - other);
  return [part, sorted.length ? Math.round(sorted[Math.floor(sorted.length / 2)]) : null];
}));
const times = (all, what) => all.map((each) => each[what]);
const tell = (step, all) =>
  say({ step, ms: times(all, "ms"), moves: times(all, "moves"), size: all[0].size, parts: parts(all) });

// A click in the list, on an alert that nothing was loaded of: every second one.
const list = "section.list";
const drawn = () => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
const reach = async (id) => {
  const link = page.locator(`${list} a[href*="${id}"]`);
  const box = page.locator(`${list} .scroll`);
  await box.evaluate((box) => { box.scrollTop = 0; });
  for (let turn = 0; turn < 200; turn += 1) {
    await within("a drawing", page.evaluate(drawn));
    const seen = await box.evaluate((box, id) => {
      const [row, frame] = [box.querySelector(`a[href*="${id}"]`)?.getBoundingClientRect(), box.getBoundingClientRect()];
      if (row && row.top >= frame.top && row.bottom <= frame.bottom) return true;
      box.scrollTop += box.clientHeight / 2;
      return false;
    }, id);
    if (seen) return link.first();
  }
  throw new Error(`alert ${id} is nowhere in the list`);
};
const opened = [];
for (let at = 0; at < COUNT; at += 1) {
  const id = IDS[(at * 2) % IDS.length];
  const of = await detail(id);
  const link = await reach(id);
  opened.push(await shows(() => link.click(), opening(of, "click")));
  await press("Escape");
  await page.locator("video").waitFor({ state: "detached" });
}
tell("click", opened);

// The next one by key, which the page has loaded ahead while somebody looked at this one for a second and a half.
const link = await reach(IDS[0]);
await shows(() => link.click(), opening(await detail(IDS[0]), "click"));
const ahead = [];
for (let turn = 1; turn <= COUNT; turn += 1) {
  const of = await detail(IDS[turn]);
  await page.waitForTimeout(1_500);
  ahead.push(await shows(() => press("j"), opening(of, "keydown")));
}
tell("next", ahead);

// Seeks by the timeline under the video, at rest and while it plays.
const shownId = (await paths()).split("/").pop();
const clip = await detail(shownId);
const slider = await page.locator(".lanes .slider").boundingBox();
const seeks = [];
let seed = 7;
for (let turn = 0; turn < COUNT; turn += 1) {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  const playing = turn % 2 === 1;
  if ((await page.evaluate(() => !document.querySelector("video").paused)) !== playing) await press(" ");
  await page.waitForFunction((on) => document.querySelector("video").paused !== on, playing);
  const x = Math.round(slider.x + slider.width * (0.05 + 0.85 * (seed / 2147483648)));
  const instant = clip.starts + ((x - slider.x) / slider.width) * (clip.end - clip.starts);
  const goes = () => page.mouse.click(x, Math.round(slider.y + slider.height / 2));
  seeks.push(await shows(goes, at(clip, instant, "pointerdown", playing)));
}
tell("seek", seeks);

// A line of the receipt is marked when the video comes to its time: how far the picture's time is from the line's when
// the mark is drawn.
const marks = [];
let missing = 0;
for (let turn = 0; turn < 5; turn += 1) {
  const id = IDS[COUNT + 1 + turn];
  const of = await detail(id);
  await page.waitForTimeout(1_500);
  await shows(() => press("j"), opening(of, "keydown"));
  const time = (line) => (Date.parse(line.camera_at) - of.starts) / 1000;
  const lines = Object.fromEntries(of.lines.map((line) => [line.line_no, time(line)]));
  const off = await within("the lines of a receipt", page.evaluate(
    (lines) =>
      new Promise((done) => {
        const video = document.querySelector("video");
        const last = Math.max(...Object.values(lines));
        const off = {};
        let shown = null;
        const each = (_, frame) => {
          shown = { at: Math.max(frame.presentationTime, frame.expectedDisplayTime), media: frame.mediaTime };
          if (frame.mediaTime < last + 0.6) return video.requestVideoFrameCallback(each);
          look.disconnect();
          done(off);
        };
        const look = new MutationObserver(() => {
          const line = document.querySelector(".receipt [aria-current=step]")?.closest("[data-line]")?.dataset.line;
          if (!line || line in off) return;
          off[line] = null;
          // The mark is seen with the next drawing; until then the video has gone on.
          requestAnimationFrame((now) => {
            if (shown) off[line] = (shown.media + Math.max(0, (now - shown.at) / 1000) - lines[line]) * 1000;
          });
        });
        const what = { subtree: true, attributes: true, attributeFilter: ["aria-current"] };
        look.observe(document.querySelector(".receipt"), what);
        video.requestVideoFrameCallback(each);
      }),
    lines,
  ));
  for (const line of Object.keys(lines)) {
    if (typeof off[line] === "number") marks.push(Math.abs(off[line]));
    else missing += 1;
  }
}
say({ step: "line", ms: marks, missing });

// Every page once, for what it loads.
for (const path of ["search", "cases", "reports", "cameras", "watch", "blind"]) {
  await page.goto(new URL(path, address).href);
  await page.waitForFunction(() => {
    const main = document.querySelector("main");
    return main?.innerText && !main.querySelector(".skeleton");
  });
}
await within("what the pages load", Promise.all(weighing));
say({ step: "weight", first: firstKib, chunks: kib([...weights.keys()].filter((path) => !first.has(path))) });

// A list of all receipts: rolled on, and thrown to somewhere else every two seconds.
await page.goto(`${address}search`);
await page.locator(".results .hit").first().waitFor();
const total = Number((await page.locator(".count b").innerText()).replaceAll(",", ""));
const rolled = await within("scrolling", page.evaluate(async () => {
  const box = document.querySelector(".results .scroll");
  const [gaps, rates] = [[], []];
  let [cold, drawn, turn] = [0, 0, 0];
  let last = await new Promise((next) => requestAnimationFrame(next));
  let second = last;
  const until = last + 10_000;
  while (last < until) {
    const now = await new Promise((next) => requestAnimationFrame(next));
    gaps.push(now - last);
    last = now;
    drawn += 1;
    if (now - second >= 1_000) {
      rates.push((drawn * 1_000) / (now - second));
      [second, drawn] = [now, 0];
    }
    turn += 1;
    // Looked at before anything moves: nothing is laid out for the sake of the measurement.
    const { left, top, height } = box.getBoundingClientRect();
    const hit = document.elementFromPoint(left + 60, top + height / 2)?.closest(".hit");
    if (!hit || hit.classList.contains("cold")) cold += 1;
    box.scrollTop = turn % 120 === 0 ? Math.random() * box.scrollHeight : box.scrollTop + box.clientHeight / 8;
  }
  return { gaps, rates, cold, height: box.scrollHeight };
}));
say({ step: "scroll", total, ...rolled });

// Thirty decisions in a window that never had a mouse: the beginning, the event, a decision, and the next one comes.
await page.close();
page = await context.newPage();
await page.goto(`${address}alerts`);
await page.locator(`${list} a[href*='/alerts/']`).first().waitFor();
const began = Date.now();
const looks = [await (async () => {
  await press("j");
  return await shows(() => press("Enter"), opening(await detail(IDS[0]), "keydown"));
})()];
for (let turn = 0; turn < 30; turn += 1) {
  const [of, next] = [await detail(IDS[turn]), await detail(IDS[turn + 1])];
  await shows(() => press("h"), at(of, of.event, "keydown", true));
  if (turn % 10 === 3) {
    await press("n");
    await page.keyboard.type("seen twice this week");
    await press("Escape");
  }
  const picture = opening(next, "keydown");
  looks.push(await shows(() => press(["4", "1", "5"][turn % 3]), picture));
  if (turn === 15) {
    // A slip: back to it, and decided again.
    await shows(() => press("u"), opening(of, "keydown"));
    await shows(() => press("2"), picture);
  }
}
const seconds = (Date.now() - began) / 1000;
const hands = await page.evaluate(() => window.hands);
let decided = 0;
for (const id of IDS.slice(0, 30)) if ((await asks(`/api/v1/alerts/${id}`)).disposition) decided += 1;
say({ step: "keyboard", seconds, decided, hands, ms: looks.slice(1).map((each) => each.ms) });
await within("the browser ends", browser.close());
