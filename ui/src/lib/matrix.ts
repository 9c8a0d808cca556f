// The coverage matrix: what stands in its rows and columns, and how many rules see how.
import type { MatrixPage, SightCell, SightState } from "../api/matrix";

export const STATES: { code: SightState; name: string; sign: string; help: string }[] = [
  { code: "blind", name: "Blind", sign: "✕", help: "It can judge nothing" },
  { code: "degraded", name: "Degraded", sign: "◐", help: "It cannot judge everything" },
  { code: "live", name: "Live", sign: "●", help: "It can judge everything" },
  { code: "off", name: "Off", sign: "–", help: "Somebody has switched it off" },
];

export function stateOf(code: SightState) {
  return STATES.find((each) => each.code === code) ?? { code, name: code, sign: "?", help: "" };
}

export type Matrix = {
  rules: MatrixPage["rules"];
  stores: string[];
  cell: (store: string, rule: string) => SightCell | undefined;
  count: Record<SightState, number>;
};

const key = (store: string, rule: string) => `${store}\n${rule}`;

// Whether something is to be done about it: what somebody has switched off is as they want it.
const matters = (cell: SightCell) => cell.state === "blind" || cell.state === "degraded";

// The matrix; `all`: also stores and rules that see everything.
export function matrixOf(page: MatrixPage, all: boolean): Matrix {
  const cells = new Map(page.cells.map((cell) => [key(cell.store_id, cell.rule_id), cell]));
  const count: Record<SightState, number> = { live: 0, degraded: 0, blind: 0, off: 0 };
  for (const cell of page.cells) count[cell.state] += 1;
  count.live = page.stores.length * page.rules.length - count.degraded - count.blind - count.off;
  const shown = page.cells.filter(matters);
  const stores = new Set(shown.map((cell) => cell.store_id));
  const rules = new Set(shown.map((cell) => cell.rule_id));
  return {
    rules: page.rules.filter((rule) => all || rules.has(rule.rule_id)),
    stores: page.stores.filter((store) => all || stores.has(store)),
    cell: (store, rule) => cells.get(key(store, rule)),
    count,
  };
}

// "Registers 9 and 10"
export function registerWords(registers: string[]): string {
  if (registers.length < 2) return `Register ${registers[0] ?? ""}`;
  return `Registers ${registers.slice(0, -1).join(", ")} and ${registers.at(-1)}`;
}

// The unknown registers of each store, and since when the first of them.
export function unknownByStore(page: MatrixPage): { store: string; registers: string[]; since: string }[] {
  const stores = new Map<string, { store: string; registers: string[]; since: string }>();
  for (const { store_id, register_id, since } of page.unknown_registers) {
    const known = stores.get(store_id) ?? { store: store_id, registers: [], since };
    known.registers.push(register_id);
    if (since < known.since) known.since = since;
    stores.set(store_id, known);
  }
  return [...stores.values()];
}
