// How the rates of a report stand to what is usual in the store.
import type { Rate } from "../api/types";

export type Standing = "usual" | "above usual" | "below usual";

// Nothing where there is no number or no usual range.
export function standing({ value, baseline_low: low, baseline_high: high }: Rate): Standing | null {
  if (value === null || low === null || high === null) return null;
  return value > high ? "above usual" : value < low ? "below usual" : "usual";
}

// What most of them note, of those with a usual range when there are any, so that it is said once for all of them.
export function sharedNote(rates: Rate[]): string | null {
  const ranged = rates.filter((each) => each.baseline_low !== null);
  const times = new Map<string, number>();
  for (const { note } of ranged.length > 0 ? ranged : rates) times.set(note, (times.get(note) ?? 0) + 1);
  const [most] = [...times].sort(([, one], [, other]) => other - one);
  return most?.[0] ?? null;
}
