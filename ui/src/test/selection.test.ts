import { expect, it } from "vitest";
import { everything, extend, keep, NOTHING, type Selection, toggle } from "../lib/selection";

const ORDER = ["a", "b", "c", "d", "e"];
const chosen = (selection: Selection) => ORDER.filter((id) => selection.chosen.has(id));

it("one is chosen and let go", () => {
  const one = toggle(NOTHING, "b");
  expect(chosen(one)).toEqual(["b"]);
  expect(chosen(toggle(one, "b"))).toEqual([]);
});

it("a range goes from the last one that was chosen, up or down, and adds to what is there", () => {
  const two = toggle(toggle(NOTHING, "e"), "b");
  expect(chosen(extend(two, ORDER, "d"))).toEqual(["b", "c", "d", "e"]);
  expect(chosen(extend(toggle(NOTHING, "d"), ORDER, "b"))).toEqual(["b", "c", "d"]);
});

it("a second range begins where the first did", () => {
  const range = extend(toggle(NOTHING, "c"), ORDER, "d");
  expect(chosen(extend(range, ORDER, "a"))).toEqual(["a", "b", "c", "d"]);
});

it("a range without a beginning is the one row", () => {
  expect(chosen(extend(NOTHING, ORDER, "c"))).toEqual(["c"]);
});

it("everything, and nothing when everything is chosen", () => {
  const all = everything(toggle(NOTHING, "b"), ORDER);
  expect(chosen(all)).toEqual(ORDER);
  expect(everything(all, ORDER)).toBe(NOTHING);
  expect(everything(NOTHING, [])).toEqual(NOTHING);
});

it("what has left the list is not chosen any more", () => {
  const two = toggle(toggle(NOTHING, "a"), "b");
  expect(keep(two, ORDER)).toBe(two);
  expect(chosen(keep(two, ["a", "c"]))).toEqual(["a"]);
  expect(keep(two, ["a", "c"]).from).toBeNull();
});
