// What is known about a rule, in words.
import type { Precision } from "../api/rule";

// How often alerts of a rule were confirmed: “9 of 10 decided alerts were confirmed: 90 %; by so many decisions it lies between 60 % and 98 % (95 in 100).”
export function precisionWords(precision: (Precision & { picked?: number }) | null): string {
  if (!precision) return "Nobody has decided about an alert of this rule yet, or not all of them are yours to see.";
  const { confirmed, decided, picked = 0, share, low, high } = precision;
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  const alerts = decided === 1 ? "alert" : "alerts";
  // Then the share is not that of the numbers before it.
  const weighed =
    picked > 0 ? ` (${picked} picked at random from what was held back, each for as many as it stands for)` : "";
  return `${confirmed} of ${decided} decided ${alerts} ${confirmed === 1 ? "was" : "were"} confirmed${weighed}: ${percent(share)}; by so many decisions it lies between ${percent(low)} and ${percent(high)} (95 in 100).`;
}
