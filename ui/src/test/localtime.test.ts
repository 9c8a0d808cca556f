import { describe, expect, it } from "vitest";
import { instantsOf, readTime, writeTime } from "../lib/localtime";

const CHICAGO = "America/Chicago";
const NEW_YORK = "America/New_York";
// Thu 26 Nov 2026, 15:00 in Chicago.
const NOW = Date.parse("2026-11-26T21:00:00Z");
const at = (text: string, zone = CHICAGO, now = NOW) => {
  const read = readTime(text, zone, now, now);
  return read.kind === "at" ? new Date(read.at).toISOString() : read;
};

describe("a day and a time as people write them", () => {
  it("is of the store's zone and of the day that is shown", () => {
    expect(at("14:03")).toBe("2026-11-26T20:03:00.000Z");
    expect(at("14:03:22.4")).toBe("2026-11-26T20:03:22.400Z");
    expect(at("2:03 pm")).toBe("2026-11-26T20:03:00.000Z");
    expect(at("12 am")).toBe("2026-11-26T06:00:00.000Z");
    expect(at("2026-11-20 14:03:22")).toBe("2026-11-20T20:03:22.000Z");
    expect(at("yesterday 9:00")).toBe("2026-11-25T15:00:00.000Z");
    expect(at("20 Nov 14:03")).toBe("2026-11-20T20:03:00.000Z");
    expect(at("Nov 20, 2026 14:03")).toBe("2026-11-20T20:03:00.000Z");
    expect(at("2026-11-20")).toBe("2026-11-20T06:00:00.000Z");
    expect(at("2026-11-20T14:03")).toBe("2026-11-20T20:03:00.000Z");
    expect(at("now")).toBe("2026-11-26T21:00:00.000Z");
  });

  it("may name its zone, or be an instant", () => {
    expect(at("2026-11-20T20:03:22Z")).toBe("2026-11-20T20:03:22.000Z");
    expect(at("2026-11-20T14:03:22-06:00")).toBe("2026-11-20T20:03:22.000Z");
    expect(at("14:03 CST")).toBe("2026-11-26T20:03:00.000Z");
    expect(at("14:03 UTC")).toBe("2026-11-26T14:03:00.000Z");
    expect(at("14:03 EST")).toEqual({ kind: "bad", message: "The store has CST then, not EST." });
  });

  it("is read back as it is written, also as other pages write it", () => {
    expect(at(writeTime(NOW - 1000, CHICAGO))).toBe("2026-11-26T20:59:59.000Z");
    expect(at("Thu 26 Nov 2026, 14:59:59 CST")).toBe("2026-11-26T20:59:59.000Z");
  });

  it("is answered in words when it cannot be", () => {
    const words = (text: string) => {
      const read = at(text);
      return typeof read === "object" && "message" in read ? read.message : read;
    };
    expect(words("")).toContain("such as 2026-11-26 14:03:22");
    expect(words("25:00")).toContain("hours go to 23");
    expect(words("14:61")).toContain("minutes and seconds to 59");
    expect(words("13 pm")).toContain("There is no hour 13 pm");
    expect(words("2026-02-30 10:00")).toContain("no day 2026-02-30");
    expect(words("11/12/2026 10:00")).toContain("two ways");
    expect(words("half past two")).toContain("is not understood");
    expect(words("foo 10:00")).toContain("“foo” is not a day");
    expect(words("2026-11-27 10:00")).toContain("has not come yet");
  });
});

describe("the nights in which the clocks change", () => {
  it("offers an hour that occurs twice twice", () => {
    const read = readTime("2026-11-01 01:30", NEW_YORK, NOW, NOW);
    expect(read.kind).toBe("twice");
    if (read.kind !== "twice") return;
    expect(read.choices.map((each) => [new Date(each.at).toISOString(), each.text])).toEqual([
      ["2026-11-01T05:30:00.000Z", "01:30:00 EDT"],
      ["2026-11-01T06:30:00.000Z", "01:30:00 EST"],
    ]);
    expect(read.message).toBe("01:30:00 occurs twice on Sun 1 Nov, when the clocks go back. Which one?");
  });

  it("takes the one whose zone is named", () => {
    expect(at("2026-11-01 01:30 EST", NEW_YORK)).toBe("2026-11-01T06:30:00.000Z");
    expect(at("2026-11-01 01:30:00 EDT", NEW_YORK)).toBe("2026-11-01T05:30:00.000Z");
  });

  it("says that an hour does not exist, and what comes after it", () => {
    const read = readTime("2026-03-08 02:30", NEW_YORK, NOW, NOW);
    expect(read).toEqual({
      kind: "none",
      choices: [{ at: Date.parse("2026-03-08T07:00:00Z"), text: "03:00:00 EDT" }],
      message: "There is no 02:30:00 on Sun 8 Mar: the clocks go from 01:59:59 EST to 03:00:00 EDT.",
    });
  });

  it("knows clocks that change by half an hour and at midnight", () => {
    expect(instantsOf("2026-10-04", "02:15:00", "Australia/Lord_Howe")).toEqual([]);
    expect(instantsOf("2026-04-05", "01:45:00", "Australia/Lord_Howe")).toHaveLength(2);
    expect(instantsOf("2026-04-24", "00:30:00", "Africa/Cairo")).toEqual([]);
    expect(instantsOf("2026-11-22", "14:00:00", "Asia/Kathmandu")).toEqual([Date.parse("2026-11-22T08:15:00Z")]);
  });
});
