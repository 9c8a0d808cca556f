// Back-tests: what is wrong with a question before it is sent, and what came out, in words and for a picture.
import type {
  Against,
  AskableRule,
  Backtest,
  BacktestDay,
  BacktestDraft,
  BacktestResult,
  BacktestSummary,
} from "../api/backtest";
import { numberName } from "./adjustment";
import { addDays, dayWords, duration } from "./time";

export type BacktestForm = {
  rule: string;
  from: string;
  to: string;
  // Null is all of them.
  stores: string[] | null;
  // What is written for each number; as the rule has it where it is not tried.
  numbers: Record<string, string>;
  against: Against;
};

export type BacktestFaults = { rule?: string; from?: string; to?: string; stores?: string; numbers?: string };

// What is looked at unless somebody says otherwise.
export const SPAN_DAYS = 28;
// A year and a day.
export const LONGEST_DAYS = 366;

export const AGAINST: readonly (readonly [Against, string])[] = [
  ["live", "How it judges now"],
  ["library", "The rule as it comes"],
];

// The last four weeks, today included.
export function freshForm(rule: string, today: string): BacktestForm {
  return { rule, from: addDays(today, 1 - SPAN_DAYS), to: today, stores: null, numbers: {}, against: "live" };
}

// The same question once more.
export function formOf(of: Backtest, stores: readonly string[]): BacktestForm {
  const every = stores.length === of.stores.length && stores.every((each) => of.stores.includes(each));
  return {
    rule: of.rules[0] ?? "",
    from: of.from,
    to: of.to,
    stores: every ? null : of.stores,
    numbers: Object.fromEntries(Object.entries(of.params).map(([name, value]) => [name, String(value)])),
    against: of.against,
  };
}

// The numbers that are otherwise than the rule's own.
function tried(form: BacktestForm, rule: AskableRule | undefined): Record<string, number> {
  const params = rule?.params ?? [];
  const written = params.map((param) => [param, (form.numbers[param.name] ?? "").trim()] as const);
  return Object.fromEntries(
    written
      .filter(([param, text]) => text !== "" && Number(text) !== Number(param.value))
      .map(([param, text]) => [param.name, Number(text)]),
  );
}

export function backtestFaults(form: BacktestForm, rule: AskableRule | undefined): BacktestFaults {
  const faults: BacktestFaults = {};
  const isDay = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (!rule) faults.rule = "Choose a rule.";
  if (!isDay(form.from)) faults.from = "Say the first day.";
  if (!isDay(form.to)) faults.to = "Say the last day.";
  else if (form.to < form.from) faults.to = "It lies before the first day.";
  else if (!faults.from && form.to > addDays(form.from, LONGEST_DAYS - 1)) faults.to = `${LONGEST_DAYS} days at most.`;
  if (form.stores?.length === 0) faults.stores = "Choose a store, or all of them.";
  const wrong = rule?.params.find((param) => {
    const text = (form.numbers[param.name] ?? "").trim();
    const value = Number(text);
    return text !== "" && (!Number.isInteger(value) || value < param.min || value > param.max);
  });
  if (wrong) faults.numbers = `${numberName(wrong.name)} is a whole number from ${wrong.min} to ${wrong.max}.`;
  return faults;
}

export function backtestDraft(form: BacktestForm, rule: AskableRule | undefined): BacktestDraft {
  const { from, to, against } = form;
  return { rules: [form.rule], from, to, stores: form.stores ?? [], params: tried(form, rule), against };
}

// 1.3, 0.08, 12
export function rateText(rate: number): string {
  const digits = rate >= 10 ? 0 : rate >= 0.1 ? 1 : rate >= 0.01 ? 2 : 3;
  return new Intl.NumberFormat("en-US", { maximumFractionDigits: digits }).format(rate);
}

const plural = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;

// “1.3 alerts a store and day now, 0.9 with this; 2 confirmed would be lost”
export function headline({
  rate,
  rate_before: before,
  gained,
  lost,
  lost_confirmed: confirmed,
}: BacktestSummary): string {
  const alerts = (each: number) => `${rateText(each)} ${rateText(each) === "1" ? "alert" : "alerts"} a store and day`;
  if (before === null) return `${alerts(rate)} with this; it said nothing before to compare with`;
  const rates = `${alerts(before)} now, ${rateText(rate)} with this`;
  if (gained === 0 && lost === 0) return `${rates}; not one alert is otherwise`;
  const ends = [
    gained > 0 && `${plural(gained, "alert")} would be new`,
    lost > 0 && `${plural(lost, "alert")} would be lost`,
    lost > 0 && (confirmed > 0 ? `${confirmed} of them confirmed` : "none of them confirmed"),
  ].filter(Boolean);
  return `${rates}; ${ends.join(", ")}`;
}

// “Waits behind 2 others”, “Judging, 14 of 56 store days, about 9 s left”
export function stateWords({ state, before, progress, problem }: Backtest): string {
  if (state === "queued") return before === 0 ? "Begins in a moment" : `Waits behind ${plural(before, "other")}`;
  if (state === "running") {
    if (!progress) return "Begins to read";
    const left = progress.seconds_left === null ? "" : `, about ${duration(progress.seconds_left)} left`;
    return `Judging, ${progress.done} of ${plural(progress.of, "store day")}${left}`;
  }
  if (state === "failed") return problem ?? "It did not come to its end";
  return state === "cancelled" ? "Cancelled" : "Done";
}

// What was tried, in a line: “More than 8; beside the rule as it comes”
export function triedWords({ params, against }: Pick<Backtest, "params" | "against">): string {
  const numbers = Object.entries(params).map(([name, value]) => `${numberName(name)} ${value}`);
  const beside = against === "library" ? "beside the rule as it comes" : "";
  return [numbers.join(", ") || "As it stands", beside].filter(Boolean).join("; ");
}

// A bar of the picture: some days together, in alerts a store and day.
export type Bar = { from: string; to: string; now: number; before: number };

// As many bars at most, each of as many days as the others; the last may be shorter.
export function bars(days: readonly BacktestDay[], most: number): Bar[] {
  const wide = Math.max(1, Math.ceil(days.length / most));
  const found: Bar[] = [];
  for (let at = 0; at < days.length; at += wide) {
    const some = days.slice(at, at + wide);
    const stores = some.reduce((sum, each) => sum + each.stores, 0) || 1;
    const [first, last] = [some[0], some[some.length - 1]];
    if (!first || !last) continue;
    found.push({
      from: first.day,
      to: last.day,
      now: some.reduce((sum, each) => sum + each.fired, 0) / stores,
      before: some.reduce((sum, each) => sum + each.fired_before, 0) / stores,
    });
  }
  return found;
}

// A calendar day, as people say it.
export const dayName = (day: string) => dayWords(`${day}T12:00:00Z`, "UTC");

export const barName = ({ from, to }: Bar) => (from === to ? dayName(from) : `${dayName(from)} to ${dayName(to)}`);

// What the picture shows, for those who do not see it.
export function barsInWords(all: readonly Bar[], compared: boolean): string {
  const top = (of: "now" | "before") =>
    all.reduce<Bar | null>((most, each) => (each[of] > (most?.[of] ?? 0) ? each : most), null);
  const said = (of: "now" | "before", what: string) => {
    const most = top(of);
    return most ? `${what}: most on ${barName(most)}, ${rateText(most[of])}` : `${what}: none`;
  };
  const parts = [compared && said("before", "now"), said("now", "with this")].filter(Boolean);
  return `Alerts a store and day. ${parts.join("; ")}.`;
}

// “2 stores, 56 store days, 12,345 transactions, read and judged in 4.2 s”
export function costWords({ store_ids, store_days, transactions, seconds }: BacktestResult): string {
  const took = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 }).format(seconds);
  const read = [
    plural(store_ids.length, "store"),
    plural(store_days, "store day"),
    plural(transactions, "transaction"),
  ];
  return `${read.join(", ")}, read and judged in ${took} s`;
}
