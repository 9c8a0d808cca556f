// A date and a time as a person types them, in the store's zone. An hour that occurs twice is offered twice, one that
// does not exist is said so, and what is not understood is answered with what would be.
import { addDays, clock, day, dayStart, dayWords, full, time, zoneName } from "./time";

export type Choice = { at: number; text: string };
export type Wanted =
  | { kind: "at"; at: number }
  // Occurs twice: which one.
  | { kind: "twice"; choices: Choice[]; message: string }
  // Does not exist, or not yet; perhaps something near it does.
  | { kind: "none"; choices: Choice[]; message: string }
  | { kind: "bad"; message: string };

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY_MS = 86_400_000;

function two(value: number): string {
  return String(value).padStart(2, "0");
}

const bad = (message: string): Wanted => ({ kind: "bad", message });

// Every instant at which the store's clocks show that, earliest first: none, one or two.
export function instantsOf(date: string, wall: string, zone: string): number[] {
  const guess = Date.parse(`${date}T${wall}Z`);
  const found = new Set<number>();
  for (const off of [-DAY_MS, DAY_MS]) {
    const near = guess + off;
    const shown = Date.parse(`${day(new Date(near), zone)}T${clock(new Date(near), zone)}Z`);
    const at = guess - (shown - near);
    if (day(new Date(at), zone) === date && clock(new Date(at), zone) === wall) found.add(at);
  }
  return [...found].sort((one, other) => one - other);
}

// The first instant after the hour that is left out.
function afterGap(date: string, wall: string, zone: string): number {
  const guess = Date.parse(`${date}T${wall}Z`);
  let low = guess - DAY_MS;
  let high = guess + DAY_MS;
  const wanted = `${date} ${wall}`;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (`${day(new Date(middle), zone)} ${clock(new Date(middle), zone)}` >= wanted) high = middle;
    else low = middle;
  }
  return high;
}

function readDate(text: string, zone: string, around: number, now: number): { date: string } | Wanted {
  const trimmed = text.replace(/^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/, "").trim();
  if (trimmed === "") return { date: day(new Date(around), zone) };
  if (trimmed === "today") return { date: day(new Date(now), zone) };
  if (trimmed === "yesterday") return { date: addDays(day(new Date(now), zone), -1) };
  let year: number;
  let month: number;
  let date: number;
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(trimmed);
  const named = /^(\d{1,2})\.?\s+([a-z]{3})[a-z]*\.?(?:\s+(\d{4}))?$/.exec(trimmed);
  const american = /^([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?$/.exec(trimmed);
  if (iso) {
    [year, month, date] = [Number(iso[1]), Number(iso[2]), Number(iso[3])];
  } else if (named || american) {
    const [number, name, years] = named
      ? [named[1], named[2], named[3]]
      : [american?.[2], american?.[1], american?.[3]];
    year = Number(years ?? day(new Date(around), zone).slice(0, 4));
    month = MONTHS.indexOf(name ?? "") + 1;
    date = Number(number);
  } else if (/^\d{1,2}[/.]\d{1,2}([/.]\d{2,4})?\.?$/.test(trimmed)) {
    return bad(`“${trimmed}” can be read in two ways. Write the day as 2026-11-26.`);
  } else {
    return bad(`“${trimmed}” is not a day. Write it as 2026-11-26, 26 Nov, today or yesterday.`);
  }
  const text10 = `${String(year).padStart(4, "0")}-${two(month)}-${two(date)}`;
  const real = new Date(`${text10}T12:00:00Z`);
  if (month < 1 || month > 12 || Number.isNaN(real.getTime()) || real.toISOString().slice(0, 10) !== text10)
    return bad(`There is no day ${text10} in the calendar.`);
  return { date: text10 };
}

type Read = { rest: string; wall: string; tenths: number; zoneWord: string };

// The time within a text, and what is left beside it; null when there is none.
function readClock(text: string): Read | Wanted | null {
  const found =
    /(?:^|[\s,t])(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,](\d{1,3}))?)?\s*(am|pm)?(?:\s+([a-z]{2,5}(?:[+-]\d+)?))?$/.exec(
      text,
    ) ?? /(?:^|[\s,])(\d{1,2})()()()\s*(am|pm)$/.exec(text);
  if (!found) return null;
  let hour = Number(found[1]);
  const minute = Number(found[2] || 0);
  const second = Number(found[3] || 0);
  const half = found[5];
  if (half) {
    if (hour < 1 || hour > 12) return bad(`There is no hour ${hour} ${half}.`);
    hour = (hour % 12) + (half === "pm" ? 12 : 0);
  }
  if (hour > 23 || minute > 59 || second > 59)
    return bad(`There is no time ${found[0].trim()}: hours go to 23, minutes and seconds to 59.`);
  return {
    rest: text.slice(0, found.index).replace(/[,\s]+$/, ""),
    wall: `${two(hour)}:${two(minute)}:${two(second)}`,
    tenths: Number((found[4] ?? "").padEnd(3, "0")) || 0,
    zoneWord: (found[6] ?? "").toUpperCase(),
  };
}

// What a person means by a text. `around` gives the day when none is written, `now` says what is still to come.
export function readTime(typed: string, zone: string, around: number, now: number): Wanted {
  const text = typed.trim().toLowerCase().replace(/\s+/g, " ");
  if (text === "") return bad("Write a day and a time of the store, such as 2026-11-26 14:03:22.");
  const future = (at: number): Wanted =>
    at > now + 1000
      ? { kind: "none", choices: [], message: `${full(new Date(at), zone)} has not come yet.` }
      : { kind: "at", at };
  if (text === "now") return { kind: "at", at: now };
  if (/^\d{4}-\d\d-\d\dt\d\d:\d\d.*(z|[+-]\d\d:?\d\d)$/.test(text)) {
    const at = Date.parse(typed.trim());
    return Number.isNaN(at) ? bad(`“${typed.trim()}” is not a time.`) : future(at);
  }
  const read = readClock(text);
  if (read && "kind" in read) return read;
  const date = readDate(read ? read.rest : text, zone, around, now);
  if ("kind" in date) {
    if (!read && date.kind === "bad" && !/\d{4}-|[/.]/.test(text))
      return bad(`“${typed.trim()}” is not understood. Write 14:03, 14:03:22, or 2026-11-26 14:03:22.`);
    return date;
  }
  if (!read) return future(dayStart(date.date, zone).getTime());
  const instants = instantsOf(date.date, read.wall, zone).map((at) => at + read.tenths);
  const here = new Date(`${date.date}T12:00:00Z`);
  if (instants.length === 0) {
    const after = afterGap(date.date, read.wall, zone);
    return {
      kind: "none",
      choices: after > now ? [] : [{ at: after, text: time(new Date(after), zone) }],
      message: `There is no ${read.wall} on ${dayWords(here, "UTC")}: the clocks go from ${time(new Date(after - 1000), zone)} to ${time(new Date(after), zone)}.`,
    };
  }
  const named = read.zoneWord ? instants.filter((at) => zoneName(new Date(at), zone) === read.zoneWord) : instants;
  if (named.length === 0) {
    if (read.zoneWord === "UTC" || read.zoneWord === "GMT") {
      return future(Date.parse(`${date.date}T${read.wall}Z`) + read.tenths);
    }
    const names = [...new Set(instants.map((at) => zoneName(new Date(at), zone)))].join(" or ");
    return bad(`The store has ${names} then, not ${read.zoneWord}.`);
  }
  if (named.length > 1) {
    const come = named.filter((at) => at <= now + 1000);
    return {
      kind: "twice",
      choices: come.map((at) => ({ at, text: time(new Date(at), zone) })),
      message: `${read.wall} occurs twice on ${dayWords(here, "UTC")}, when the clocks go back. Which one?`,
    };
  }
  return future(named[0] ?? 0);
}

// How the box writes an instant; `readTime` reads it again as the same one.
export function writeTime(at: number, zone: string): string {
  const date = new Date(at);
  return `${day(date, zone)} ${clock(date, zone)} ${zoneName(date, zone)}`;
}
