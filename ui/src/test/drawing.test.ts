import { describe, expect, it } from "vitest";
import type { SetZone } from "../api/setup";
import {
  add,
  begin,
  edit,
  follow,
  freeName,
  pen,
  pending,
  redo,
  resolve,
  rest,
  settled,
  take,
  undo,
} from "../lib/drawing";
import { moved, type Point } from "../lib/polygon";

const SHAPE: Point[] = [
  [0.1, 0.1],
  [0.4, 0.1],
  [0.4, 0.4],
];

function zone(id: string, version = 1, polygon = SHAPE): SetZone {
  const changed = { version, valid_from: "2026-11-26T12:00:00Z", changed_by: "anna" };
  return { store_id: "17", zone_id: id, camera_id: "till-1", kind: "customer", register_id: "1", polygon, ...changed };
}

const move = (to: Point) => (each: { polygon: Point[] }) => ({ polygon: moved(each.polygon, 0, to) });

describe("undo and redo", () => {
  it("take back a whole drag at once, and bring it back", () => {
    let drawing = begin([zone("a")]);
    for (const x of [0.11, 0.12, 0.13]) drawing = edit(drawing, "a", move([x, 0.1]), "drag 1");
    drawing = rest(drawing);
    drawing = edit(drawing, "a", move([0.2, 0.2]), "drag 2");
    expect(drawing.past).toHaveLength(2);
    drawing = undo(drawing);
    expect(drawing.now.zones[0]?.polygon[0]).toEqual([0.13, 0.1]);
    drawing = undo(drawing);
    expect(pending(drawing)).toEqual([]);
    expect(undo(drawing)).toBe(drawing);
    drawing = redo(redo(drawing));
    expect(drawing.now.zones[0]?.polygon[0]).toEqual([0.2, 0.2]);
    expect(redo(drawing)).toBe(drawing);
  });

  it("forget what was undone once something else is drawn", () => {
    let drawing = edit(begin([zone("a")]), "a", move([0.2, 0.2]));
    drawing = edit(undo(drawing), "a", move([0.3, 0.2]));
    expect(drawing.future).toEqual([]);
  });

  it("go corner by corner while a zone is drawn", () => {
    let drawing = pen(begin([]), []);
    drawing = pen(drawing, [[0.1, 0.1]]);
    drawing = pen(drawing, [
      [0.1, 0.1],
      [0.2, 0.2],
    ]);
    expect(undo(drawing).now.pen).toEqual([[0.1, 0.1]]);
    expect(undo(undo(undo(drawing))).now.pen).toBeNull();
  });

  it("bring back a removed zone", () => {
    const drawing = take(begin([zone("a")]), "a");
    expect(pending(drawing).map((each) => each.what)).toEqual(["remove"]);
    expect(pending(undo(drawing))).toEqual([]);
  });
});

describe("what is saved", () => {
  it("is what differs, with what is wrong with it", () => {
    let drawing = edit(begin([zone("a"), zone("b")]), "b", move([0.9, 0.9]));
    drawing = add(drawing, { zone_id: "c", kind: "exit", register_id: null, polygon: [[0, 0]], version: null });
    const waiting = pending(drawing);
    expect(waiting.map((each) => [each.zone_id, each.what, each.faults.length])).toEqual([
      ["b", "change", 0],
      ["c", "add", 1],
    ]);
  });

  it("is not pending any more, and undoing it is a change again on the new version", () => {
    let drawing = edit(begin([zone("a")]), "a", move([0.2, 0.2]));
    const shape = drawing.now.zones[0]?.polygon ?? [];
    drawing = settled(drawing, "a", zone("a", 2, shape));
    expect(pending(drawing)).toEqual([]);
    const [again] = pending(undo(drawing));
    expect(again?.sketch?.version).toBe(2);
  });
});

describe("somebody else", () => {
  it("changes what nobody touched here", () => {
    const theirs = zone("a", 2, moved(SHAPE, 0, [0.3, 0.3]));
    const drawing = follow(begin([zone("a")]), [theirs, zone("new")]);
    expect(drawing.now.zones.map((each) => [each.zone_id, each.version])).toEqual([
      ["a", 2],
      ["new", 1],
    ]);
    expect(pending(drawing)).toEqual([]);
  });

  it("never takes a drawing away: it stays on the version that it began with", () => {
    const mine = edit(begin([zone("a")]), "a", move([0.2, 0.2]));
    const drawing = follow(mine, [zone("a", 2, moved(SHAPE, 0, [0.3, 0.3]))]);
    expect(drawing.now.zones[0]?.polygon[0]).toEqual([0.2, 0.2]);
    expect(drawing.now.zones[0]?.version).toBe(1);
    expect(pending(drawing)).toHaveLength(1);
  });

  it("is overruled by keeping mine, or taken by taking theirs", () => {
    const theirs = zone("a", 2, moved(SHAPE, 0, [0.3, 0.3]));
    const mine = edit(begin([zone("a")]), "a", move([0.2, 0.2]));
    const kept = resolve(mine, "a", theirs, true);
    expect(pending(kept)[0]?.sketch?.version).toBe(2);
    const taken = resolve(mine, "a", theirs, false);
    expect(pending(taken)).toEqual([]);
    expect(undo(taken).now.zones[0]?.polygon[0]).toEqual([0.2, 0.2]);
  });

  it("removed it: mine is a new zone then, or goes too", () => {
    const mine = edit(begin([zone("a")]), "a", move([0.2, 0.2]));
    expect(pending(resolve(mine, "a", null, true))[0]).toMatchObject({ what: "add", sketch: { version: null } });
    expect(resolve(mine, "a", null, false).now.zones).toEqual([]);
  });
});

it("gives a new zone a name that nobody has", () => {
  expect(freeName(["till-1-customer", "till-1-customer-2"], "till-1", "customer")).toBe("till-1-customer-3");
});
