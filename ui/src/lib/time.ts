// Times as the store's people read them: in the store's own zone, with the zone's name, whoever looks from wherever.

export type Zoned = { zone: string };

const LOCALES = ["en-US", "en-GB", "en-AU", "en-CA", "en-IN", "en-NZ", "en-ZA"];
const formats = new Map<string, Intl.DateTimeFormat>();

function format(locale: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${zone} ${JSON.stringify(options)}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone });
    formats.set(key, found);
  }
  return found;
}

function part(parts: Intl.DateTimeFormatPart[], type: Intl.DateTimeFormatPartTypes): string {
  return parts.find((each) => each.type === type)?.value ?? "";
}

// The zone's abbreviation at that instant: EST, CEST, AEDT; GMT+9 where English has no name for it. Which English
// knows it depends on the country, so each is asked.
export function zoneName(at: Date | string, zone: string): string {
  const date = new Date(at);
  let name = "";
  for (const locale of LOCALES) {
    name = part(format(locale, zone, { timeZoneName: "short", hour: "numeric" }).formatToParts(date), "timeZoneName");
    if (!/^(GMT|UTC)[+-]/.test(name)) return name;
  }
  return name;
}

type Wall = { year: string; month: string; day: string; hour: string; minute: string; second: string };

function wall(at: Date | string, zone: string): Wall {
  const parts = format("en-GB", zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(at));
  return {
    year: part(parts, "year").padStart(4, "0"),
    month: part(parts, "month"),
    day: part(parts, "day"),
    hour: part(parts, "hour"),
    minute: part(parts, "minute"),
    second: part(parts, "second"),
  };
}

// 14:03:22
export function clock(at: Date | string, zone: string): string {
  const { hour, minute, second } = wall(at, zone);
  return `${hour}:${minute}:${second}`;
}

// 14:03:22.4: tenths are cut, not rounded, so that no frame seems to come from the future.
export function clockTenths(at: Date | string, zone: string): string {
  const date = new Date(at);
  return `${clock(date, zone)}.${Math.floor((((date.getTime() % 1000) + 1000) % 1000) / 100)}`;
}

// 14:03
export function hourMinute(at: Date | string, zone: string): string {
  const { hour, minute } = wall(at, zone);
  return `${hour}:${minute}`;
}

// 14:03:22 EST
export function time(at: Date | string, zone: string): string {
  return `${clock(at, zone)} ${zoneName(at, zone)}`;
}

// The day in the store, 2026-11-22.
export function day(at: Date | string, zone: string): string {
  const { year, month, day: date } = wall(at, zone);
  return `${year}-${month}-${date}`;
}

// Sun 22 Nov
export function dayWords(at: Date | string, zone: string): string {
  return format("en-GB", zone, { weekday: "short", day: "numeric", month: "short" })
    .format(new Date(at))
    .replace(",", "");
}

// Sun 22 Nov 2026, 14:03:22 EST
export function full(at: Date | string, zone: string): string {
  return `${dayWords(at, zone)} ${wall(at, zone).year}, ${time(at, zone)}`;
}

// Today's times without the date; other days' with it.
export function brief(at: Date | string, zone: string, now: Date): string {
  return day(at, zone) === day(now, zone) ? time(at, zone) : `${dayWords(at, zone)}, ${time(at, zone)}`;
}

// From one instant to another, the date and the zone once: 14:03:22 to 14:05:01 EST
export function briefSpan(from: Date | string, to: Date | string, zone: string, now: Date): string {
  const same = day(from, zone) === day(to, zone) && zoneName(from, zone) === zoneName(to, zone);
  if (!same) return `${brief(from, zone, now)} to ${brief(to, zone, now)}`;
  const date = day(from, zone) === day(now, zone) ? "" : `${dayWords(from, zone)}, `;
  return `${date}${clock(from, zone)} to ${time(to, zone)}`;
}

// A calendar day some days later.
export function addDays(date: string, count: number): string {
  const at = new Date(`${date}T12:00:00Z`);
  at.setUTCDate(at.getUTCDate() + count);
  return at.toISOString().slice(0, 10);
}

// The first instant of a calendar day in a zone. A day may have 23 or 25 hours, and may not begin at 0:00.
export function dayStart(date: string, zone: string): Date {
  const guess = Date.parse(`${date}T00:00:00Z`);
  // Zones lie between UTC-12 and UTC+14, and the date rises with the instant: search for where it becomes `date`.
  let low = guess - 15 * 3_600_000;
  let high = guess + 13 * 3_600_000;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (day(new Date(middle), zone) >= date) high = middle;
    else low = middle;
  }
  return new Date(high);
}

export function dayRange(date: string, zone: string): { from: Date; to: Date } {
  return { from: dayStart(date, zone), to: dayStart(addDays(date, 1), zone) };
}

// "3 min ago", for things that just happened; never instead of the time.
export function ago(at: Date | string, now: Date): string {
  const seconds = Math.round((now.getTime() - new Date(at).getTime()) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

// 47 s, 3 min 20 s, 2 h 5 min
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}
