import { describe, expect, it } from "vitest";
import type { ClockOffset } from "../api/types";
import { addedMs, clockNotes, clockWords } from "../lib/tillclock";

const clock: ClockOffset = {
  register_id: "1",
  version: 3,
  valid_from: "2026-11-22T12:00:00Z",
  offset_us: -37_000_000,
  uncertainty_us: 3_400_000,
  method: "presence",
  samples: 48,
  drift_ppb: null,
  measured_at: null,
  refusal: null,
};

describe("the clock of a till", () => {
  it("is told with its bound and from what it is known", () => {
    expect(clockWords(null)).toBe("Not measured yet");
    expect(clockWords(clock)).toBe("Till 37 s ahead ± 3.4 s, from 48 customers who came and left");
    expect(clockWords({ ...clock, offset_us: 10_000, method: "arrival", uncertainty_us: 1_100_000 })).toBe(
      "In step ± 1.1 s, from 48 records' arrival",
    );
  });

  it("says why it cannot be told, and how it drifts", () => {
    const refused: ClockOffset = {
      ...clock,
      method: "unsynchronised",
      uncertainty_us: 30_000_000,
      refusal: "coarse_times",
    };
    expect(clockWords(refused)).toBe("Not synchronised, ± 30 s");
    expect(clockNotes(refused)).toBe("customers do not tell: the till's times are cut off to more than two seconds");
    expect(clockNotes({ ...clock, drift_ppb: 50_000 })).toBe("loses 4.3 s a day");
    expect(clockNotes(clock)).toBe("");
  });

  it("moves what a till says to the cameras' time, a day later by the drift", () => {
    expect(addedMs(null, "2026-11-22T12:00:00Z")).toBe(0);
    expect(addedMs(clock, "2026-11-23T12:00:00Z")).toBe(-37_000);
    expect(addedMs({ ...clock, drift_ppb: 50_000 }, "2026-11-23T12:00:00Z")).toBe(-37_000 + 4_320);
  });
});
