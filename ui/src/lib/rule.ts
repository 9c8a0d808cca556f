// What is known about a rule, in words.
import type { RulePrecision } from "../api/types";

// “9 of 10 decided alerts were confirmed: 90 %; by so many decisions it lies between 60 % and 98 % (95 in 100).”
export function precisionWords(precision: RulePrecision | null): string {
  if (!precision) return "Nobody has decided about an alert of this rule yet, or not all of them are yours to see.";
  const { confirmed, decided, share, low, high } = precision;
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  const alerts = decided === 1 ? "alert" : "alerts";
  return `${confirmed} of ${decided} decided ${alerts} ${confirmed === 1 ? "was" : "were"} confirmed: ${percent(share)}; by so many decisions it lies between ${percent(low)} and ${percent(high)} (95 in 100).`;
}
