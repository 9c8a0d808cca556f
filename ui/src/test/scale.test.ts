import { describe, expect, it } from "vitest";
import { lastAt, nearestAt } from "../lib/deck";
import { fraction, instant, place, scale, ticks } from "../lib/scale";
import { dayRange } from "../lib/time";

const axis = scale("2026-11-22T12:00:00Z", "2026-11-22T12:01:40Z");

describe("an axis of time", () => {
  it("goes there and back", () => {
    expect(fraction(axis, "2026-11-22T12:00:25Z")).toBe(0.25);
    expect(new Date(instant(axis, 0.25)).toISOString()).toBe("2026-11-22T12:00:25.000Z");
  });

  it("does not lead out of the clip", () => {
    expect(instant(axis, -1)).toBe(axis.from);
    expect(instant(axis, 2)).toBe(axis.to);
  });

  it("clips spans, and leaves out those outside", () => {
    expect(place(axis, "2026-11-22T11:00:00Z", "2026-11-22T12:00:50Z")).toEqual({ left: 0, width: 0.5 });
    expect(place(axis, "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z")).toBeNull();
  });

  it("is never of no length", () => {
    expect(fraction(scale(5, 5), 5)).toBe(0);
  });

  it("has marks at round seconds, not too many", () => {
    const marks = ticks(axis, 7, axis.from).map((at) => (at - axis.from) / 1000);
    expect(marks).toEqual([0, 15, 30, 45, 60, 75, 90]);
  });

  it("counts hours from the store's midnight, also half an hour off", () => {
    const { from, to } = dayRange("2026-11-22", "Asia/Kolkata");
    const marks = ticks(scale(from, to), 8, from.getTime());
    expect(new Date(marks[1] ?? 0).toISOString()).toBe("2026-11-21T21:30:00.000Z");
  });
});

describe("what is shown at a moment", () => {
  const lines = [10, 20, 30];
  it("is the last line that was rung", () => {
    expect([5, 10, 19, 30, 99].map((at) => lastAt(lines, at))).toEqual([-1, 0, 0, 2, 2]);
  });

  it("is the nearest look of the detector, when one is near", () => {
    expect(nearestAt(lines, 14, 5)).toBe(0);
    expect(nearestAt(lines, 16, 5)).toBe(1);
    expect(nearestAt(lines, 40, 5)).toBe(-1);
    expect(nearestAt([], 40, 5)).toBe(-1);
  });
});
