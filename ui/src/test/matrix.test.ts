import { describe, expect, it } from "vitest";
import type { MatrixPage, SightCell, SightState } from "../api/matrix";
import { matrixOf, registerWords, unknownByStore } from "../lib/matrix";

const at = (minute: number) => `2026-11-22T15:${String(minute).padStart(2, "0")}:00Z`;
const cell = (store_id: string, rule_id: string, state: SightState, trial = false): SightCell => ({
  store_id,
  rule_id,
  state,
  since: at(0),
  trial,
  reasons: [],
});
const page = (cells: SightCell[]): MatrixPage => ({
  looked_at: at(1),
  rules: ["refund", "void", "drawer"].map((rule_id) => ({ rule_id, name: rule_id })),
  stores: ["17", "42"],
  cells,
  unknown_registers: [
    { store_id: "17", register_id: "9", since: at(5) },
    { store_id: "42", register_id: "3", since: at(4) },
    { store_id: "17", register_id: "10", since: at(2) },
  ],
  canaries: [],
  left_out: [],
});

describe("the coverage matrix", () => {
  it("shows only what somebody should look at, and counts all", () => {
    const matrix = matrixOf(
      page([cell("17", "refund", "blind"), cell("42", "void", "off"), cell("42", "drawer", "live", true)]),
      false,
    );
    expect(matrix.stores).toEqual(["17"]);
    expect(matrix.rules.map((rule) => rule.rule_id)).toEqual(["refund"]);
    expect(matrix.count).toEqual({ live: 4, degraded: 0, blind: 1, off: 1 });
    expect(matrix.cell("17", "refund")?.state).toBe("blind");
    expect(matrix.cell("17", "void")).toBeUndefined();
  });

  it("shows every store and rule to who asks", () => {
    const matrix = matrixOf(page([]), true);
    expect([matrix.stores.length, matrix.rules.length, matrix.count.live]).toEqual([2, 3, 6]);
  });

  it("names the registers that nobody knows, store by store", () => {
    expect(unknownByStore(page([]))).toEqual([
      { store: "17", registers: ["9", "10"], since: at(2) },
      { store: "42", registers: ["3"], since: at(4) },
    ]);
    expect(registerWords(["9"])).toBe("Register 9");
    expect(registerWords(["9", "10", "11"])).toBe("Registers 9, 10 and 11");
  });
});
