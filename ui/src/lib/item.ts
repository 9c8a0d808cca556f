// An item of the queue as one: what its receipts come to, when it began and ended, and what was decided about its alerts.
import type { AlertSummary, Disposition } from "../api/types";
import { dispositionName, isOpen } from "./words";

export type Sum = { minor: number; currency: string | null; receipts: number };

// The amounts of an item's receipts together; null where no alert has one, or they are of several currencies. Several alerts
// of a receipt count once. So does an amount that alerts of several rules name at several times: a void, and the drawer
// opened after it, are about the same money.
export function sumOf(members: AlertSummary[]): Sum | null {
  const receipts = new Map<string, AlertSummary[]>();
  for (const each of members) {
    if (each.amount_minor === null) continue;
    const key = `${each.store_id} ${each.register_id} ${each.event_time}`;
    const known = receipts.get(key) ?? [];
    const most = known[0]?.amount_minor ?? Number.NEGATIVE_INFINITY;
    if (each.amount_minor > most) receipts.set(key, [each]);
    else if (each.amount_minor === most) receipts.set(key, [...known, each]);
  }
  const alerts = [...receipts.values()].flat();
  const currencies = new Set(alerts.map((each) => each.currency));
  const [currency = null] = currencies;
  if (alerts.length === 0 || currencies.size > 1) return null;
  const times = new Map<number, Map<string, number>>();
  for (const { amount_minor, rule_id } of alerts) {
    const ofAmount = times.get(amount_minor ?? 0) ?? new Map<string, number>();
    times.set(amount_minor ?? 0, ofAmount.set(rule_id, (ofAmount.get(rule_id) ?? 0) + 1));
  }
  const counted = [...times].map(([minor, rules]) => ({ minor, count: Math.max(...rules.values()) }));
  return {
    minor: counted.reduce((sum, each) => sum + each.minor * each.count, 0),
    currency,
    receipts: counted.reduce((sum, each) => sum + each.count, 0),
  };
}

export function spanOf(members: AlertSummary[]): { from: string; to: string } {
  const times = members.map((each) => each.event_time).sort((one, other) => Date.parse(one) - Date.parse(other));
  return { from: times[0] ?? "", to: times.at(-1) ?? "" };
}

// Gravest first: what must not be hidden behind another decision.
const GRAVEST: (Disposition | null)[] = [
  "confirmed",
  "policy",
  "operational",
  "follow_up",
  "cannot_tell",
  "no_issue",
  "duplicate",
  null,
];

// Each decision and how many alerts have it. A reopened alert is an open one.
export function decisions(members: AlertSummary[]): { code: Disposition | null; count: number }[] {
  return GRAVEST.flatMap((code) => {
    const count = members.filter((each) => (isOpen(each.disposition) ? null : each.disposition) === code).length;
    return count > 0 ? [{ code, count }] : [];
  });
}

// "1 confirmed loss"
export function decisionWords({ code, count }: { code: Disposition | null; count: number }): string {
  return `${count} ${dispositionName(code).toLowerCase()}`;
}
