// What a store says otherwise than a rule, in words, and what is wrong with it before it is sent.

import type { Rule, RuleParam } from "../api/rule";
import type { AdjustmentDraft, SetAdjustment } from "../api/setup";
import type { Store } from "../api/types";
import { addDays, day, dayStart } from "./time";
import { money, words } from "./words";

export type Kind = "numbers" | "off" | "shadow" | "out";

export const KINDS: readonly (readonly [Kind, string])[] = [
  ["numbers", "Other numbers"],
  ["off", "Switched off"],
  ["shadow", "On trial: judges, sends nothing"],
  ["out", "A register or operator left out"],
];

const MINOR = "minor units";

// “within_seconds” → “Within”: the unit stands with the number.
export function numberName(name: string): string {
  return words(name.replace(/_(seconds|minutes|ms|minor)$/, ""));
}

// The currency in which a number of a rule is an amount: that of the store, or the one that all stores have. Null where
// they differ: ten thousand minor units are 100.00 dollars and 10000 yen.
export function currencyFor(stores: readonly Pick<Store, "id" | "currency">[], store?: string | null): string | null {
  const [first, ...others] = store ? stores.filter((each) => each.id === store) : stores;
  return first && others.every((each) => each.currency === first.currency) ? first.currency : null;
}

// “Within: 60 s”, and amounts as receipts show them.
export function numberWords(
  param: Pick<RuleParam, "name" | "unit">,
  value: number,
  currency: string | null = null,
): string {
  if (param.unit === MINOR) return `${numberName(param.name)}: ${money(value, currency)}`;
  return `${numberName(param.name)}: ${value}${param.unit ? ` ${param.unit}` : ""}`;
}

// What a number may be, for whoever writes it.
export function numberHint({ description, unit, min, max, value }: RuleParam, currency: string | null = null): string {
  const example = currency ? `: 10000 is ${money(10_000, currency)}` : " of each store's currency";
  const hint = unit === MINOR ? ` In ${MINOR}${example}.` : "";
  return `${description}${hint} ${min} to ${max}; empty: ${value}.`;
}

export function adjustmentWords(said: SetAdjustment, rule: Rule | undefined, currency: string | null = null): string {
  if (said.off) return "Switched off";
  if (said.shadow) return "On trial: sends nothing";
  const who = [
    said.register_id && `register ${said.register_id}`,
    said.operator_id && `operator ${said.operator_id}`,
  ].filter(Boolean);
  if (who.length > 0) return `Without ${who.join(", ")}`;
  return said.numbers
    .map(({ name, value }) => {
      const param = rule?.params.find((each) => each.name === name);
      return (
        numberWords({ name, unit: param?.unit ?? null }, value, currency) +
        (param ? ` (else ${param.unit === MINOR ? money(Number(param.value), currency) : param.value})` : "")
      );
    })
    .join("; ");
}

export type AdjustmentForm = {
  kind: Kind;
  store: string;
  rule: string;
  // What is written for each number; empty where the rule's own holds.
  numbers: Record<string, string>;
  register: string;
  operator: string;
  note: string;
  // The last day on which it holds.
  until: string;
};

export type AdjustmentFaults = { rule?: string; numbers?: string; who?: string; note?: string; until?: string };

// A year less a day: the end of that day is within the year that is allowed.
export const LONGEST_DAYS = 365;

export function adjustmentFaults(form: AdjustmentForm, rule: Rule | undefined, today: string): AdjustmentFaults {
  const faults: AdjustmentFaults = {};
  if (form.kind !== "out" && !rule) faults.rule = "Choose a rule.";
  if (form.kind === "numbers" && rule) {
    const written = rule.params.filter((param) => (form.numbers[param.name] ?? "").trim() !== "");
    const wrong = written.find((param) => {
      const value = Number(form.numbers[param.name]);
      return !Number.isInteger(value) || value < param.min || value > param.max;
    });
    if (rule.params.length === 0) faults.numbers = "This rule has no numbers.";
    else if (wrong) faults.numbers = `${numberName(wrong.name)} is a whole number from ${wrong.min} to ${wrong.max}.`;
    else if (written.length === 0) faults.numbers = "Write the number that is to hold.";
  }
  if (form.kind === "out" && !form.register.trim() && !form.operator.trim())
    faults.who = "Name a register, an operator, or both.";
  if (!form.note.trim()) faults.note = "Say why: who looks at it in a year wants to know.";
  if (!/^\d{4}-\d{2}-\d{2}$/.test(form.until)) faults.until = "Say when it ends.";
  else if (form.until < today) faults.until = "That day is over.";
  else if (form.until > addDays(today, LONGEST_DAYS))
    faults.until = "A year from now at most; it can be said again then.";
  return faults;
}

export function adjustmentDraft(form: AdjustmentForm, rule: Rule | undefined, zone: string): AdjustmentDraft {
  const out = form.kind === "out";
  return {
    store_id: form.store || null,
    rule_id: form.rule || null,
    numbers:
      form.kind === "numbers" && rule
        ? rule.params
            .filter((param) => (form.numbers[param.name] ?? "").trim() !== "")
            .map((param) => ({ name: param.name, value: Number(form.numbers[param.name]) }))
        : [],
    off: form.kind === "off",
    shadow: form.kind === "shadow",
    register_id: out ? form.register.trim() || null : null,
    operator_id: out ? form.operator.trim() || null : null,
    note: form.note.trim(),
    until: dayStart(addDays(form.until, 1), zone).toISOString(),
  };
}

export function today(zone: string): string {
  return day(new Date(), zone);
}
