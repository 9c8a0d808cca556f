import { expect, test } from "vitest";
import type { Rule } from "../api/rule";
import type { SetAdjustment } from "../api/setup";
import {
  type AdjustmentForm,
  adjustmentDraft,
  adjustmentFaults,
  adjustmentWords,
  currencyFor,
  numberHint,
  numberWords,
} from "../lib/adjustment";

const rule: Rule = {
  id: "cancel_burst",
  version: "1.0",
  name: "Cancels in a row",
  description: "",
  severity: "medium",
  innocent: [],
  params: [{ name: "within_seconds", value: "600", unit: "s", description: "", min: 60, max: 14400 }],
};
const form: AdjustmentForm = {
  kind: "numbers",
  store: "17",
  rule: "cancel_burst",
  numbers: { within_seconds: "900" },
  register: "",
  operator: "",
  note: "slow tills",
  until: "2026-12-24",
};
const said: SetAdjustment = {
  adjustment_id: "x",
  store_id: "17",
  rule_id: "cancel_burst",
  numbers: [{ name: "within_seconds", value: 900 }],
  off: false,
  shadow: false,
  register_id: null,
  operator_id: null,
  note: "slow tills",
  valid_from: "2026-11-27T12:00:00Z",
  until: "2026-12-25T06:00:00Z",
  over: false,
  changed_by: "ida",
  version: 1,
  problem: null,
};

test("what is said otherwise is told with what holds elsewhere", () => {
  expect(adjustmentWords(said, rule)).toBe("Within: 900 s (else 600)");
  expect(adjustmentWords({ ...said, numbers: [], off: true }, rule)).toBe("Switched off");
  expect(adjustmentWords({ ...said, numbers: [], shadow: true }, rule)).toBe("On trial: sends nothing");
  expect(adjustmentWords({ ...said, numbers: [], register_id: "3", operator_id: "1042" }, undefined)).toBe(
    "Without register 3, operator 1042",
  );
});

test("amounts are told as receipts show them", () => {
  const smallest = { name: "smallest_minor", value: "1", unit: "minor units", description: "", min: 0, max: 90_000 };
  const saidIn = (currency: string | null) => numberWords(smallest, 10_000, currency).replace("Smallest: ", "");
  expect(["USD", "JPY", "BHD"].map(saidIn)).toEqual(["$100.00", "¥10,000", "BHD\u00a010.000"]);
  expect(saidIn(null)).toBe("10000 minor units");
  expect(numberHint(smallest, "JPY")).toContain("10000 is ¥10,000");
  expect(numberHint(smallest)).toContain("of each store's currency");
});

test("the currency is the store's, or the one that all stores have", () => {
  const stores = [
    { id: "17", currency: "USD" },
    { id: "42", currency: "JPY" },
  ];
  expect(currencyFor(stores, "42")).toBe("JPY");
  expect(currencyFor(stores.slice(0, 1))).toBe("USD");
  expect([currencyFor(stores), currencyFor([]), currencyFor(stores, "gone")]).toEqual([null, null, null]);
});

test("it holds to the end of its last day by the clock of the store", () => {
  const draft = adjustmentDraft(form, rule, "America/Chicago");
  expect(draft.until).toBe("2026-12-25T06:00:00.000Z");
  expect(draft.numbers).toEqual([{ name: "within_seconds", value: 900 }]);
  const out = adjustmentDraft({ ...form, kind: "out", operator: " 1042 " }, rule, "UTC");
  expect([out.numbers, out.operator_id, out.register_id]).toEqual([[], "1042", null]);
  const trial = adjustmentDraft({ ...form, kind: "shadow" }, rule, "UTC");
  expect([trial.shadow, trial.off, trial.numbers]).toEqual([true, false, []]);
});

test("what is missing or beyond the limits is said before it is sent", () => {
  const faults = (change: Partial<AdjustmentForm>) => adjustmentFaults({ ...form, ...change }, rule, "2026-11-27");
  expect(faults({})).toEqual({});
  expect(faults({ numbers: { within_seconds: "5" } }).numbers).toBe("Within is a whole number from 60 to 14400.");
  expect(faults({ numbers: {} }).numbers).toBeDefined();
  expect(faults({ note: " " }).note).toBeDefined();
  expect(faults({ until: "2026-11-26" }).until).toBe("That day is over.");
  expect(faults({ until: "2028-01-01" }).until).toContain("A year");
  expect(faults({ kind: "out" }).who).toBeDefined();
  expect(adjustmentFaults({ ...form, rule: "" }, undefined, "2026-11-27").rule).toBeDefined();
});
