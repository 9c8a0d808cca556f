import { describe, expect, it } from "vitest";
import type { AlertSummary } from "../api/types";
import { belongs } from "../lib/live";
import { inView, sendingMark, turnWords, VIEWS } from "../lib/sending";

const alert = (more: Partial<AlertSummary>) =>
  ({ assignee: null, asked: null, sent: true, sending: "threshold", picked: null, ...more }) as AlertSummary;
const held = alert({ sent: false, sending: "budget" });
const picked = alert({ sending: "demoted", picked: 0.05 });
const trial = alert({ sent: false, sending: "shadow" });

describe("what people are told of", () => {
  const views = (each: AlertSummary) => VIEWS.map(([view]) => view).filter((view) => inView(each, view));

  it("is in the queue, and what was held back is browsed", () => {
    expect(views(alert({}))).toEqual(["sent", "all"]);
    expect(views(held)).toEqual(["all", "held"]);
    expect(views(picked)).toEqual(["sent", "all"]);
  });

  it("has what a store asks for and what somebody was given, whatever was decided", () => {
    const asked = { at: "2026-11-22T12:00:00Z", by: "maria", report_day: null };
    expect(views({ ...held, asked })).toEqual(["sent", "all"]);
    expect(views({ ...held, assignee: "lena" })).toEqual(["sent", "all"]);
  });

  it("has nothing of rules on trial", () => {
    expect(views(trial)).toEqual(["shadow"]);
  });

  it("is what live events add to the list", () => {
    const open = { disposition: null, state: "standing" } as const;
    expect(belongs({ ...held, ...open }, { state: "open" })).toBe(false);
    expect(belongs({ ...held, ...open }, { state: "open", sent: "held" })).toBe(true);
    expect(belongs({ ...picked, ...open }, { state: "open" })).toBe(true);
  });
});

describe("the chip of an alert", () => {
  it("says why it was held back, and nothing where it was sent", () => {
    expect(sendingMark(alert({}))).toBeNull();
    expect(sendingMark(alert({ sending: "sent" }))).toBeNull();
    expect(sendingMark(held)?.name).toBe("Browse only: beyond the day’s budget");
    expect(sendingMark(trial)?.name).toBe("On trial");
  });

  it("says that it was picked at random, and how often that happens", () => {
    expect(sendingMark(picked)?.name).toBe("Picked at random, to learn how good this rule is");
    expect(sendingMark(picked)?.help).toContain("1 in 20");
  });
});

it("a turn of a rule is told with its numbers", () => {
  const turn = {
    version: "1.0",
    at: "2026-11-22T12:00:00Z",
    held_back: true,
    decided: 35,
    confirmed: 0,
    share_permille: 0,
    low_permille: 0,
    high_permille: 99,
    floor_permille: 100,
  };
  expect(turnWords(turn)).toBe(
    "1.0 is held back: 0 of 35 decided alerts were confirmed, 9.9 % at most, less than 10.0 %",
  );
  expect(turnWords({ ...turn, held_back: false, decided: 20, confirmed: 3, share_permille: 150 })).toBe(
    "1.0 is sent again: 3 of 20 decided alerts were confirmed, 15.0 %, not less than 10.0 %",
  );
});
