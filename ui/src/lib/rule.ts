// What is known about a rule, in words.
import type { FalseAccusations, Precision } from "../api/rule";

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

// How often a rule accuses somebody innocent: “By a back-test of 14 store days (2026-11-01 to 2026-11-14, 10,000 records): 20 alerts; of 8 decided 2 were innocent: 0.5 in 1,000 records, between 0.2 and 1.2 (95 in 100).”
export function accusedWords(of: FalseAccusations | null): string {
  if (!of) return "No back-test of this rule with its own numbers is kept that you may see: it is not known.";
  const count = (value: number, one: string, many: string) =>
    `${value.toLocaleString("en-GB")} ${value === 1 ? one : many}`;
  const rate = (value: number) => value.toLocaleString("en-GB", { maximumSignificantDigits: 2 });
  const days = of.from === of.to ? of.from : `${of.from} to ${of.to}`;
  const span = `By a back-test of ${count(of.store_days, "store day", "store days")} (${days}, ${count(of.transactions, "record", "records")}): ${count(of.fired, "alert", "alerts")}`;
  if (of.per_thousand === null)
    return `${span}. Nobody has decided about one of them: between none and ${rate(of.high)} in 1,000 records accuse somebody innocent.`;
  return `${span}; of ${of.decided} decided ${of.innocent} ${of.innocent === 1 ? "was" : "were"} innocent: ${rate(of.per_thousand)} in 1,000 records, between ${rate(of.low)} and ${rate(of.high)} (95 in 100).`;
}
