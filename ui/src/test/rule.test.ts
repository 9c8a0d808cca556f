import { expect, test } from "vitest";
import { accusedWords, precisionWords } from "../lib/rule";

test("how often a rule was right is told with how sure that is", () => {
  expect(precisionWords(null)).toContain("Nobody has decided");
  const sent = { version: "1.0", confirmed: 9, decided: 10, picked: 0, share: 0.9, low: 0.596, high: 0.982 };
  expect(precisionWords(sent)).toBe(
    "9 of 10 decided alerts were confirmed: 90 %; by so many decisions it lies between 60 % and 98 % (95 in 100).",
  );
  expect(precisionWords({ ...sent, picked: 4, share: 0.5 })).toContain("(4 picked at random from what was held back");
});

test("how often a rule accuses somebody innocent is told with the back-test that says so", () => {
  const of = {
    from: "2026-11-01",
    to: "2026-11-14",
    store_days: 14,
    transactions: 10_000,
    fired: 20,
    decided: 8,
    innocent: 2,
    per_thousand: 0.5,
    low: 0.2,
    high: 1.2,
  };
  expect(accusedWords(of)).toBe(
    "By a back-test of 14 store days (2026-11-01 to 2026-11-14, 10,000 records): 20 alerts; of 8 decided 2 were innocent: 0.5 in 1,000 records, between 0.2 and 1.2 (95 in 100).",
  );
  const undecided = { ...of, decided: 0, innocent: 0, per_thousand: null, low: 0, high: 2 };
  expect(accusedWords(undecided)).toContain("between none and 2 in 1,000 records accuse somebody innocent");
  expect(accusedWords(null)).toContain("No back-test");
});
