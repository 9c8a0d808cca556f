import { expect, test } from "vitest";
import { precisionWords } from "../lib/rule";

test("how often a rule was right is told with how sure that is", () => {
  expect(precisionWords(null)).toContain("Nobody has decided");
  const sent = { version: "1.0", confirmed: 9, decided: 10, picked: 0, share: 0.9, low: 0.596, high: 0.982 };
  expect(precisionWords(sent)).toBe(
    "9 of 10 decided alerts were confirmed: 90 %; by so many decisions it lies between 60 % and 98 % (95 in 100).",
  );
  expect(precisionWords({ ...sent, picked: 4, share: 0.5 })).toContain("(4 picked at random from what was held back");
});
