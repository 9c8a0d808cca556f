import { expect, test } from "vitest";
import type { AskableRule, Backtest, BacktestDay, BacktestSummary } from "../api/backtest";
import {
  backtestDraft,
  backtestFaults,
  barName,
  bars,
  barsInWords,
  formOf,
  freshForm,
  headline,
  rateText,
  stateWords,
  triedWords,
} from "../lib/backtest";

const RULE: AskableRule = {
  id: "refund_velocity",
  version: "1.0",
  name: "Many refunds",
  description: "One operator gives money back often.",
  severity: "medium",
  innocent: [],
  on: false,
  params: [
    { name: "more_than", value: "5", unit: "refunds", description: "How many are usual.", min: 1, max: 100 },
    { name: "within_seconds", value: "3600", unit: "s", description: "In which time.", min: 60, max: 28_800 },
  ],
};

const ASKED: Backtest = {
  backtest_id: "00000000-0000-4000-8000-000000000001",
  rules: ["refund_velocity"],
  stores: ["17"],
  from: "2026-11-01",
  to: "2026-11-28",
  params: { more_than: 8 },
  against: "live",
  asked_at: "2026-11-28T12:00:00Z",
  state: "running",
  before: 0,
  progress: null,
  began_at: null,
  ended_at: null,
  problem: null,
  summary: null,
};

test("the last four weeks of every store are asked about, and only numbers that are otherwise are sent", () => {
  const form = { ...freshForm("refund_velocity", "2026-11-28"), numbers: { more_than: " 8 ", within_seconds: "3600" } };
  expect(form.from).toBe("2026-11-01");
  expect(backtestFaults(form, RULE)).toEqual({});
  expect(backtestDraft(form, RULE)).toEqual({
    rules: ["refund_velocity"],
    from: "2026-11-01",
    to: "2026-11-28",
    stores: [],
    params: { more_than: 8 },
    against: "live",
  });
});

test("what is wrong with a question is said beside it", () => {
  const form = freshForm("", "2026-11-28");
  expect(backtestFaults(form, undefined).rule).toBe("Choose a rule.");
  expect(backtestFaults({ ...form, to: "2026-10-01" }, RULE).to).toContain("before the first day");
  expect(backtestFaults({ ...form, from: "2025-11-28" }, RULE)).toEqual({});
  expect(backtestFaults({ ...form, from: "2025-11-27" }, RULE).to).toBe("366 days at most.");
  expect(backtestFaults({ ...form, from: "" }, RULE)).toEqual({ from: "Say the first day." });
  expect(backtestFaults({ ...form, stores: [] }, RULE).stores).toContain("Choose a store");
  for (const wrong of ["0", "101", "2.5", "many"])
    expect(backtestFaults({ ...form, numbers: { more_than: wrong } }, RULE).numbers).toBe(
      "More than is a whole number from 1 to 100.",
    );
});

test("a question that was asked can be asked again", () => {
  expect(formOf(ASKED, ["17"]).stores).toBeNull();
  expect(formOf(ASKED, ["17", "42"])).toMatchObject({ stores: ["17"], numbers: { more_than: "8" } });
});

test("the result is one sentence", () => {
  const summary: BacktestSummary = { rate: 0.9, rate_before: 1.3, gained: 0, lost: 12, lost_confirmed: 2 };
  expect(headline(summary)).toBe(
    "1.3 alerts a store and day now, 0.9 with this; 12 alerts would be lost, 2 of them confirmed",
  );
  expect(headline({ ...summary, gained: 1, lost: 1, lost_confirmed: 0 })).toBe(
    "1.3 alerts a store and day now, 0.9 with this; 1 alert would be new, 1 alert would be lost, none of them confirmed",
  );
  expect(headline({ ...summary, lost: 0, lost_confirmed: 0 })).toContain("not one alert is otherwise");
  expect(headline({ ...summary, rate: 1, rate_before: null })).toBe(
    "1 alert a store and day with this; it said nothing before to compare with",
  );
  expect([12.34, 1.26, 0.08, 0.004, 0].map(rateText)).toEqual(["12", "1.3", "0.08", "0.004", "0"]);
});

test("it is said how it stands and how long it takes still", () => {
  expect(stateWords({ ...ASKED, state: "queued", before: 2 })).toBe("Waits behind 2 others");
  expect(stateWords(ASKED)).toBe("Begins to read");
  expect(stateWords({ ...ASKED, progress: { done: 14, of: 56, seconds_left: 90 } })).toBe(
    "Judging, 14 of 56 store days, about 1 min 30 s left",
  );
  expect(stateWords({ ...ASKED, state: "failed", problem: "The disk is full." })).toBe("The disk is full.");
  expect(triedWords(ASKED)).toBe("More than 8");
  expect(triedWords({ params: {}, against: "library" })).toBe("As it stands; beside the rule as it comes");
});

test("many days share a bar, and the picture is told in words", () => {
  const days: BacktestDay[] = Array.from({ length: 5 }, (_, at) => ({
    day: `2026-11-0${at + 1}`,
    stores: 2,
    fired: at,
    fired_before: at === 0 ? 8 : 0,
  }));
  expect(bars(days, 5)).toHaveLength(5);
  const found = bars(days, 2);
  expect(found.map(({ now, before }) => [now, before])).toEqual([
    [0.5, 8 / 6],
    [7 / 4, 0],
  ]);
  expect(found[1] && barName(found[1])).toBe("Wed 4 Nov to Thu 5 Nov");
  expect(barsInWords(found, true)).toBe(
    "Alerts a store and day. now: most on Sun 1 Nov to Tue 3 Nov, 1.3; with this: most on Wed 4 Nov to Thu 5 Nov, 1.8.",
  );
  expect(barsInWords(bars(days.slice(0, 1), 9), false)).toBe("Alerts a store and day. with this: none.");
  expect(bars([], 9)).toEqual([]);
});
