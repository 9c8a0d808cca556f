import { describe, expect, it } from "vitest";
import {
  addDays,
  brief,
  briefSpan,
  clock,
  clockTenths,
  day,
  dayRange,
  dayStart,
  duration,
  full,
  time,
  zoneName,
} from "../lib/time";

const HOUR = 3_600_000;

describe("a store's time", () => {
  it("names the zone as the store's people do, winter and summer", () => {
    const winter = "2026-01-15T12:00:00Z";
    const summer = "2026-07-15T12:00:00Z";
    const names = (zone: string) => [zoneName(winter, zone), zoneName(summer, zone)];
    expect(names("America/New_York")).toEqual(["EST", "EDT"]);
    expect(names("Europe/Berlin")).toEqual(["CET", "CEST"]);
    expect(names("Europe/London")).toEqual(["GMT", "BST"]);
    expect(names("Australia/Adelaide")).toEqual(["ACDT", "ACST"]);
    expect(names("Asia/Kolkata")).toEqual(["IST", "IST"]);
    expect(names("UTC")).toEqual(["UTC", "UTC"]);
  });

  it("tells the two hours of the night apart in which the clocks go back", () => {
    expect(time("2026-11-01T05:30:00Z", "America/New_York")).toBe("01:30:00 EDT");
    expect(time("2026-11-01T06:30:00Z", "America/New_York")).toBe("01:30:00 EST");
    expect(time("2026-10-25T00:30:00Z", "Europe/Berlin")).toBe("02:30:00 CEST");
    expect(time("2026-10-25T01:30:00Z", "Europe/Berlin")).toBe("02:30:00 CET");
  });

  it("leaves out the hour that there is not in spring", () => {
    expect(time("2026-03-08T06:59:59Z", "America/New_York")).toBe("01:59:59 EST");
    expect(time("2026-03-08T07:00:00Z", "America/New_York")).toBe("03:00:00 EDT");
  });

  it("writes midnight as 00, not as 24", () => {
    expect(clock("2026-07-01T04:00:00Z", "America/New_York")).toBe("00:00:00");
  });

  it("knows zones off by half and by three quarters of an hour", () => {
    expect(time("2026-01-15T12:00:00Z", "Asia/Kathmandu")).toMatch(/^17:45:00 /);
    expect(time("2026-01-15T12:00:00Z", "Australia/Adelaide")).toBe("22:30:00 ACDT");
  });

  it("cuts tenths, and does not round a frame into the future", () => {
    expect(clockTenths("2026-01-15T12:00:00.999Z", "UTC")).toBe("12:00:00.9");
    expect(clockTenths("2026-01-15T12:00:00.050Z", "UTC")).toBe("12:00:00.0");
  });

  it("says the date only when it is not today in the store", () => {
    const now = new Date("2026-11-22T03:00:00Z");
    // Still the 21st in New York.
    expect(brief("2026-11-22T02:00:00Z", "America/New_York", now)).toBe("21:00:00 EST");
    expect(brief("2026-11-20T15:00:00Z", "America/New_York", now)).toBe("Fri 20 Nov, 10:00:00 EST");
    expect(full("2026-11-20T15:00:00Z", "America/New_York")).toBe("Fri 20 Nov 2026, 10:00:00 EST");
  });
});

describe("a store's day", () => {
  it("has 25 hours in autumn and 23 in spring", () => {
    const hours = (date: string, zone: string) => {
      const { from, to } = dayRange(date, zone);
      return (to.getTime() - from.getTime()) / HOUR;
    };
    expect(hours("2026-11-01", "America/New_York")).toBe(25);
    expect(hours("2026-03-08", "America/New_York")).toBe(23);
    expect(hours("2026-07-01", "America/New_York")).toBe(24);
    expect(hours("2026-10-04", "Australia/Lord_Howe")).toBe(23.5);
  });

  it("begins at the store's midnight", () => {
    expect(dayStart("2026-11-22", "America/New_York").toISOString()).toBe("2026-11-22T05:00:00.000Z");
    expect(dayStart("2026-11-22", "Pacific/Kiritimati").toISOString()).toBe("2026-11-21T10:00:00.000Z");
    expect(dayStart("2026-11-22", "Asia/Kolkata").toISOString()).toBe("2026-11-21T18:30:00.000Z");
  });

  it("begins later where the clocks go forward at midnight", () => {
    // Cairo: 00:00 becomes 01:00.
    const start = dayStart("2026-04-24", "Africa/Cairo");
    expect(clock(start, "Africa/Cairo")).toBe("01:00:00");
    expect(day(start, "Africa/Cairo")).toBe("2026-04-24");
  });

  it("counts days over the ends of months and years", () => {
    expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
    expect(addDays("2028-03-01", -1)).toBe("2028-02-29");
  });
});

it("writes durations in the two units that matter", () => {
  expect([47, 60, 200, 7500, 3600].map(duration)).toEqual(["47 s", "1 min", "3 min 20 s", "2 h 5 min", "1 h"]);
});

describe("from one time to another", () => {
  const zone = "America/Chicago";
  const now = new Date("2026-11-27T20:00:00Z");

  it("says the date and the zone once", () => {
    const span = (from: string, to: string) => briefSpan(from, to, zone, now);
    expect(span("2026-11-27T15:12:19Z", "2026-11-27T15:12:33Z")).toBe("09:12:19 to 09:12:33 CST");
    expect(span("2026-11-26T15:12:19Z", "2026-11-26T15:12:33Z")).toBe("Thu 26 Nov, 09:12:19 to 09:12:33 CST");
    expect(span("2026-11-27T05:59:59Z", "2026-11-27T06:00:01Z")).toBe("Thu 26 Nov, 23:59:59 CST to 00:00:01 CST");
  });
});
