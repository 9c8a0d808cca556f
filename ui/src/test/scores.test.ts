import { expect, test } from "vitest";
import type { OperatorPart, ScoredOperator, Scores } from "../api/scores";
import { bar, expectedWords, firstParts, headline, luckWords, rateWords } from "../lib/scores";

const part: OperatorPart = {
  measure: "cancels",
  events: 20,
  of: 60,
  raw: 33.3,
  rate: 21.4,
  peers: 3.3,
  expected: 2,
  points: 100,
  contribution: 12,
  low: 13,
  high: 31,
  q: 0.000_2,
  stands_out: true,
  not_with: 9,
  withheld: null,
  query: "op:7 store:17 type:cancel",
};
const usual: OperatorPart = { ...part, measure: "no_sales", q: 0.8, stands_out: false, not_with: null };
const operator = { rank: 1, stands_out: true, parts: [usual, part] } as ScoredOperator;
const scores = {
  compared: 40,
  operators: [operator, { ...operator, rank: 2, stands_out: false }],
  operators_total: 42,
  peers_enough: 30,
  exposures_enough: 50,
} as Scores;

test("how many stand out is said in a sentence, and when nobody can", () => {
  expect(headline(scores)).toBe("1 of 42 operators stands out");
  expect(headline({ ...scores, operators: [] })).toBe("Nobody stands out");
  expect(headline({ ...scores, compared: 0 })).toBe("Nobody can be compared yet");
  expect(headline({ ...scores, operators: [], operators_total: 0 })).toBe("Nothing was counted in these days");
});

test("luck is a number where there was a comparison, and a reason where there was none", () => {
  expect(luckWords(part, scores)).toBe("< 0.1 %");
  expect(luckWords(usual, scores)).toBe("80.0 %");
  expect(luckWords({ ...part, q: null, withheld: "few" }, scores)).toBe("fewer than 50 counted");
  expect(luckWords({ ...part, q: null, withheld: "peers" }, scores)).toBe("fewer than 30 do this work");
  expect(luckWords({ ...part, q: null, withheld: "spread" }, scores)).toBe("people differ too much in this");
});

test("what stands out is shown first, else what adds most", () => {
  expect(firstParts([usual, part])).toEqual([part]);
  expect(firstParts([usual, { ...usual, measure: "cancels" }])).toEqual([usual]);
  expect(firstParts([])).toEqual([]);
});

test("a bar holds the interval, the rate within it and that of the peers", () => {
  const { low, high, rate, peers } = bar(part);
  expect(low).toBeLessThan(rate);
  expect(rate).toBeLessThan(high);
  expect(peers).toBeLessThan(low);
  expect(high).toBeLessThanOrEqual(100);
  expect(bar({ ...part, low: 0, high: 0, rate: 0, peers: 0, raw: 0 })).toEqual({ low: 0, high: 0, rate: 0, peers: 0 });
});

test("rates are per 100, and a small one is not none", () => {
  expect([rateWords(0), rateWords(0.01), rateWords(33.33)]).toEqual(["0.0", "< 0.1", "33.3"]);
  expect(expectedWords(part)).toBe("20 where 2.0 would be usual");
});
