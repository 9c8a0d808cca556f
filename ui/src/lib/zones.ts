// All time zones there are, with the time there now: for a list to choose from.

export type TimeZone = { id: string; region: string; city: string; offset: number; now: string };

// The zone's clock as if it were UTC, to the minute.
function wallMinutes(format: Intl.DateTimeFormat, at: Date): number {
  const parts = format.formatToParts(at);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value ?? 0);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute")) / 60_000;
}

export function timeZone(id: string, at: Date): TimeZone | null {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: id,
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  } catch {
    return null;
  }
  const wall = wallMinutes(format, at);
  const offset = wall - Math.floor(at.getTime() / 60_000);
  const slash = id.indexOf("/");
  return {
    id,
    region: slash < 0 ? "Other" : id.slice(0, slash),
    city: (slash < 0 ? id : id.slice(slash + 1)).replace(/_/g, " ").replace(/\//g, ", "),
    offset,
    now: new Date(wall * 60_000).toISOString().slice(11, 16),
  };
}

// UTC−06:00
export function offsetWords(minutes: number): string {
  const size = Math.abs(minutes);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `UTC${minutes < 0 ? "−" : "+"}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

// By region, then by name; UTC is one of them whether the browser lists it or not.
export function timeZones(at: Date, also: readonly string[] = []): TimeZone[] {
  const ids = new Set([...Intl.supportedValuesOf("timeZone"), "UTC", ...also.filter((each) => each !== "")]);
  return [...ids]
    .map((id) => timeZone(id, at))
    .filter((each): each is TimeZone => each !== null)
    .sort((one, other) => one.region.localeCompare(other.region) || one.city.localeCompare(other.city));
}
