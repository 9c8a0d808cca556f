// Zones of a camera are drawn by mouse, by keyboard and by finger, and saved. Says which corners were meant, a line of JSON
// each, on standard output. Arguments: address, name, password, path of the page.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const [address, name, password, path] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const errors = [];

// The editor, and the picture's frame on the screen.
async function editor(page) {
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${address}${path}`);
  await page.getByAltText("What the camera shows now").waitFor();
  const frame = page.getByRole("group", { name: "Zones on the picture" });
  await frame.scrollIntoViewIfNeeded();
  return frame;
}

// Where a point of the picture is on the screen now.
async function on(frame, [x, y]) {
  const box = await frame.boundingBox();
  return { x: box.x + x * box.width, y: box.y + y * box.height };
}

const saved = (page) => page.getByRole("status").filter({ hasText: "1 change saved" }).waitFor();

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const desk = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await desk.newPage();
await page.goto(address);
await page.getByLabel("Name").fill(name);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.getByRole("status").filter({ hasText: "Live" }).waitFor();

// By mouse: four clicks, the first corner again to close it, then one corner is dragged elsewhere.
{
  const frame = await editor(page);
  const click = async (point) => {
    const { x, y } = await on(frame, point);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.up();
  };
  await page.getByRole("button", { name: "Draw a zone" }).click();
  for (const point of [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5], [0.1, 0.5], [0.1, 0.1]]) await click(point);
  await page.getByRole("button", { name: /^Corner 3 of 4/ }).waitFor();
  const [from, to] = [await on(frame, [0.4, 0.5]), await on(frame, [0.45, 0.6])];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
  await page.getByRole("button", { name: "Save 1 change" }).click();
  await saved(page);
  say({ by: "mouse", corners: [[0.1, 0.1], [0.4, 0.1], [0.45, 0.6], [0.1, 0.5]] });
}

// By keyboard alone: the pen begins in the middle; an arrow moves it 1 %, with Shift 5 %.
{
  await editor(page);
  const press = async (key, times = 1) => {
    for (let n = 0; n < times; n++) await page.keyboard.press(key);
  };
  await press("d");
  await page.getByRole("button", { name: /^Pen at 50 % from the left, 50 % from the top/ }).waitFor();
  await press("Space");
  await press("Shift+ArrowRight", 4);
  await press("ArrowRight", 2);
  await press("Space");
  await press("Shift+ArrowDown", 6);
  await press("Space");
  await press("Enter");
  await page.getByRole("button", { name: "Save 1 change" }).waitFor();
  await press("Control+s");
  await saved(page);
  say({ by: "keyboard", corners: [[0.5, 0.5], [0.72, 0.5], [0.72, 0.8]] });
}

// By finger on a phone: two corners are touched, the third is put down and dragged to its place.
{
  const phone = await browser.newContext({
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    storageState: await desk.storageState(),
  });
  const page = await phone.newPage();
  const frame = await editor(page);
  const fingers = await phone.newCDPSession(page);
  const touch = (type, touchPoints) => fingers.send("Input.dispatchTouchEvent", { type, touchPoints });
  const tap = async (point, ...more) => {
    await touch("touchStart", [await on(frame, point)]);
    for (const next of more) await touch("touchMove", [await on(frame, next)]);
    await touch("touchEnd", []);
  };
  await page.getByRole("button", { name: "Draw a zone" }).tap();
  await frame.scrollIntoViewIfNeeded();
  await tap([0.6, 0.1]);
  await tap([0.9, 0.1]);
  await tap([0.7, 0.3], [0.72, 0.35], [0.75, 0.4]);
  await page.getByRole("button", { name: "Finish", exact: true }).tap();
  await page.getByRole("button", { name: "Save 1 change" }).tap();
  await saved(page);
  say({ by: "finger", corners: [[0.6, 0.1], [0.9, 0.1], [0.75, 0.4]] });
}
say({ errors });
await browser.close();
