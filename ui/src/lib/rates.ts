// How the rates of a report stand to what is usual in the store.
import type { Rate } from "../api/report";

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

// How what is no column of the printed questions follows from their rows; the files of a report say the same
// (api/src/report/letter.rs).
export const FOLLOWS = [
  "The usual range of a rate: 100 × events / of for each day before this one on which “of” is not 0, in order of size. A tenth of the days, rounded down, is left out at either end; the first and the last that remain are the range. The mean is 100 × all events / all of. From 7 such days on.",
  "How much of its time a camera recorded: its recorded_us / (recorded_us + the length of its rows of Gaps, in microseconds).",
  "Which of the exceptions are listed: all critical ones; of the others that are severe enough and whose rules were not wrong too often, those of the greatest amount × chance to be confirmed, as many as are sent of a day.",
] as const;
