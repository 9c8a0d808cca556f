import { describe, expect, it } from "vitest";
import {
  area,
  centre,
  cornerNear,
  crossings,
  faults,
  hit,
  inPicture,
  insert,
  inside,
  moved,
  type Point,
  placeWords,
  shifted,
  without,
} from "../lib/polygon";

const SQUARE: Point[] = [
  [0.2, 0.2],
  [0.8, 0.2],
  [0.8, 0.8],
  [0.2, 0.8],
];
const BOW: Point[] = [
  [0.2, 0.2],
  [0.8, 0.8],
  [0.8, 0.2],
  [0.2, 0.8],
];
const ARROWHEAD: Point[] = [
  [0.1, 0.1],
  [0.9, 0.5],
  [0.1, 0.9],
  [0.7, 0.5],
];

describe("an outline that crosses itself", () => {
  it("is found, with the two edges that meet", () => {
    expect(crossings(SQUARE)).toEqual([]);
    expect(crossings(ARROWHEAD)).toEqual([]);
    expect(crossings(BOW)).toEqual([[0, 2]]);
    expect(faults(BOW)).toEqual(["The outline crosses itself: edge 1–2 meets edge 3–4. Move a corner."]);
  });

  it("also crosses where a corner lies on another edge", () => {
    const touching: Point[] = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0.5, 0],
      [0, 1],
    ];
    expect(crossings(touching).length).toBeGreaterThan(0);
  });

  it("also crosses where an edge goes back on the one before", () => {
    const spike: Point[] = [
      [0, 0],
      [1, 0],
      [0.5, 0],
      [0.5, 1],
    ];
    expect(crossings(spike).length).toBeGreaterThan(0);
    const line: Point[] = [
      [0, 0],
      [0.5, 0],
      [1, 0],
    ];
    expect(faults(line).length).toBe(1);
  });

  it("does not cross where edges only go on straight", () => {
    const straight: Point[] = [
      [0, 0],
      [0.5, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ];
    expect(crossings(straight)).toEqual([]);
    expect(faults(straight)).toEqual([]);
  });
});

describe("what cannot be saved", () => {
  it("is said with what to do", () => {
    expect(faults(SQUARE.slice(0, 2))[0]).toMatch(/at least 3 corners/);
    expect(
      faults([
        [0, 0],
        [0, 0],
        [1, 1],
      ])[0],
    ).toMatch(/Corners 1 and 2 are at the same place/);
    expect(
      faults([
        [0, 0],
        [0.005, 0],
        [0, 0.005],
      ])[0],
    ).toMatch(/almost nothing/);
    expect(
      faults([
        [-0.1, 0],
        [1, 0],
        [1, 1],
      ])[0],
    ).toMatch(/outside/);
    const many = Array.from({ length: 65 }, (_, at): Point => {
      const turn = (at / 65) * 2 * Math.PI;
      return [0.5 + 0.4 * Math.cos(turn), 0.5 + 0.4 * Math.sin(turn)];
    });
    expect(faults(many)[0]).toMatch(/at most 64/);
    expect(faults(many.slice(0, 64))).toEqual([]);
  });
});

describe("area and centre", () => {
  it("do not depend on the way round", () => {
    expect(area(SQUARE)).toBeCloseTo(0.36);
    expect(area([...SQUARE].reverse())).toBeCloseTo(0.36);
    expect(centre(SQUARE)[0]).toBeCloseTo(0.5);
    expect(centre([])).toEqual([0, 0]);
  });
});

describe("the hand", () => {
  it("takes the smallest zone under it", () => {
    const shapes = [
      { id: "large", polygon: SQUARE },
      { id: "small", polygon: SQUARE.map(([x, y]): Point => [0.3 + x / 5, 0.3 + y / 5]) },
    ];
    expect(hit(shapes, [0.4, 0.4])?.id).toBe("small");
    expect(hit(shapes, [0.7, 0.7])?.id).toBe("large");
    expect(hit(shapes, [0.1, 0.1])).toBeUndefined();
    expect(inside(ARROWHEAD, [0.3, 0.5])).toBe(false);
  });

  it("takes the nearest corner within reach, in pixels", () => {
    expect(cornerNear(SQUARE, [0.205, 0.2], [1000, 500], 14)).toBe(0);
    expect(cornerNear(SQUARE, [0.22, 0.2], [1000, 500], 14)).toBeUndefined();
    expect(cornerNear(SQUARE, [0.2, 0.22], [1000, 500], 14)).toBe(0);
  });

  it("does not leave the picture", () => {
    expect(inPicture([1.2, -3])).toEqual([1, 0]);
    expect(moved(SQUARE, 1, [2, 0.1])[1]).toEqual([1, 0.1]);
    const right = shifted(SQUARE, [0.5, 0]);
    expect(right[1]).toEqual([1, 0.2]);
    expect(area(right)).toBeCloseTo(0.36);
  });

  it("adds and removes corners, and leaves three", () => {
    expect(insert(SQUARE, 3)[4]).toEqual([0.2, 0.5]);
    expect(without(SQUARE, 0)).toHaveLength(3);
    expect(without(without(SQUARE, 0), 0)).toHaveLength(3);
  });
});

it("says where a corner is", () => {
  expect(placeWords([0.34, 0.615])).toBe("34 % from the left, 61.5 % from the top");
});
