import { describe, expect, test } from "vitest";
import type { Rate, Report } from "../api/report";
import type { Review } from "../api/types";
import { hasNothing, verdictWords } from "../lib/day";
import { helpOf } from "../lib/keys";
import { sharedNote, standing } from "../lib/rates";
import { lastRemark } from "../lib/remark";
import { whyWords } from "../lib/why";

const rate = (value: number | null, low: number | null, high: number | null, note = "n") =>
  ({ value, baseline_low: low, baseline_high: high, note }) as Rate;

const report = (change: Partial<Report>) =>
  ({
    store: { id: "17", name: "Lakeshore", tz: "America/Chicago", currency: "USD" },
    business_day: "2026-11-27",
    to: "2026-11-27T14:56:00Z",
    over: false,
    verdict: { level: "look", text: "" },
    totals: { transactions: 0 },
    exceptions: [],
    more: 0,
    sight: { cameras: [{ uptime_permille: null }] },
    ...change,
  }) as unknown as Report;

describe("a daily report", () => {
  const now = new Date("2026-11-27T14:57:00Z");

  test("says until when a day that is not over was looked at", () => {
    expect(verdictWords(report({}), now)).toBe("Today so far, until 08:56: look at this");
    expect(verdictWords(report({ business_day: "2026-11-26" }), now)).toBe(
      "Thu 26 Nov so far, until 08:56: look at this",
    );
    expect(verdictWords(report({ over: true }), now)).toBe("Look at this");
  });

  test("has nothing only where no till and no camera was to say something", () => {
    expect(hasNothing(report({}))).toBe(true);
    const failed = { cameras: [{ uptime_permille: 0 }] } as unknown as Report["sight"];
    expect(hasNothing(report({ sight: failed }))).toBe(false);
    expect(hasNothing(report({ totals: { transactions: 1 } as Report["totals"] }))).toBe(false);
  });

  test("sets its rates beside what is usual", () => {
    expect(standing(rate(2, 1, 3))).toBe("usual");
    expect(standing(rate(4, 1, 3))).toBe("above usual");
    expect(standing(rate(0, 1, 3))).toBe("below usual");
    expect(standing(rate(4, null, null))).toBeNull();
    expect(standing(rate(null, 1, 3))).toBeNull();
  });

  test("says once what its rates note alike", () => {
    const unknown = rate(1, null, null, "few days");
    expect(sharedNote([unknown, unknown, rate(1, 0, 2, "27 days")])).toBe("27 days");
    expect(sharedNote([unknown])).toBe("few days");
    expect(sharedNote([])).toBeNull();
  });
});

test("the last remark of a store about this alert holds, and a decision is none", () => {
  const said = (review_id: string, alert_id: string, disposition: Review["disposition"], reviewed_at: string) =>
    ({ review_id, alert_id, disposition, reviewed_at }) as Review;
  const all = [
    said("1", "a", "look_at_it", "2026-11-27T10:00:00Z"),
    said("2", "a", "explained", "2026-11-27T11:00:00Z"),
    said("3", "a", "reopened", "2026-11-27T12:00:00Z"),
    said("4", "b", "look_at_it", "2026-11-27T13:00:00Z"),
  ];
  expect(lastRemark(all, "a")?.review_id).toBe("2");
  expect(lastRemark(all, "c")).toBeUndefined();
});

test("help lists the keys that a role has", () => {
  const all = (role: Parameters<typeof helpOf>[0]) =>
    helpOf(role).flatMap((group) => group.keys.map(([, what]) => what));
  expect(all("manager")).toContain("Say that it is explained");
  expect(all("manager").some((what) => what.startsWith("Decide"))).toBe(false);
  expect(all("analyst")).toContain("Decide: policy");
  expect(all("analyst")).not.toContain("Draw a zone");
  expect(all("admin")).toContain("Draw a zone");
  expect(all("head_office")).not.toContain("Play or pause");
});

test("a reason is words, also one that is not known here", () => {
  expect(whyWords("no_presence")).toBe("no camera said whether somebody was there");
  expect(whyWords("customer_present")).toBe("customer present");
});
