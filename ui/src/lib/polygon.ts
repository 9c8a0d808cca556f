// The shape of a zone: corners in fractions of the picture, x to the right and y down. What is wrong with it is found here
// before the server refuses it.

export type Point = [number, number];

export const MIN_CORNERS = 3;
export const MAX_CORNERS = 64;
// Ten-thousandths of the picture are finer than any hand or eye.
const STEPS = 10_000;
// A hundredth of a hundredth of the picture: smaller zones hold nobody.
export const MIN_AREA = 0.0001;

export function inPicture([x, y]: Point): Point {
  const keep = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * STEPS) / STEPS;
  return [keep(x), keep(y)];
}

// The share of the picture that it covers.
export function area(corners: readonly Point[]): number {
  let twice = 0;
  corners.forEach(([x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length] ?? [x, y];
    twice += x * nextY - nextX * y;
  });
  return Math.abs(twice) / 2;
}

// Which side of the line through two points a third lies on: 0 is on it.
function side([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number {
  const turn = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  return Math.abs(turn) < 1e-12 ? 0 : Math.sign(turn);
}

// Whether a point that is on the line of an edge lies between its ends.
function between(a: Point, b: Point, point: Point): boolean {
  return (
    Math.min(a[0], b[0]) <= point[0] &&
    point[0] <= Math.max(a[0], b[0]) &&
    Math.min(a[1], b[1]) <= point[1] &&
    point[1] <= Math.max(a[1], b[1])
  );
}

function touch(a: Point, b: Point, c: Point, d: Point): boolean {
  const [one, two, three, four] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (one !== two && three !== four) return true;
  return (
    (one === 0 && between(a, b, c)) ||
    (two === 0 && between(a, b, d)) ||
    (three === 0 && between(c, d, a)) ||
    (four === 0 && between(c, d, b))
  );
}

// The pairs of edges that cross or touch where they should not. Edge n goes from corner n to the next one.
export function crossings(corners: readonly Point[]): [number, number][] {
  const found: [number, number][] = [];
  const count = corners.length;
  if (count < MIN_CORNERS) return found;
  const corner = (at: number): Point => corners[at % count] ?? [0, 0];
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++) {
      const [a, b, c, d] = [corner(one), corner(one + 1), corner(other), corner(other + 1)];
      const follows = other === one + 1;
      const closes = one === 0 && other === count - 1;
      if (follows || closes) {
        // Neighbours share a corner; they may not lie on each other.
        const [shared, first, last] = follows ? [b, a, d] : [a, b, c];
        const back = side(first, shared, last) === 0;
        const along =
          (first[0] - shared[0]) * (last[0] - shared[0]) + (first[1] - shared[1]) * (last[1] - shared[1]) > 0;
        if (back && along) found.push([one, other]);
      } else if (touch(a, b, c, d)) found.push([one, other]);
    }
  }
  return found;
}

// What is wrong with it, in words; nothing when it can be saved.
export function faults(corners: readonly Point[]): string[] {
  const found: string[] = [];
  if (corners.length < MIN_CORNERS)
    found.push(`A zone has at least ${MIN_CORNERS} corners; this has ${corners.length}.`);
  if (corners.length > MAX_CORNERS)
    found.push(`A zone has at most ${MAX_CORNERS} corners; this has ${corners.length}. Remove some.`);
  if (corners.some(([x, y]) => x < 0 || x > 1 || y < 0 || y > 1)) found.push("A corner lies outside of the picture.");
  const same = corners.findIndex((each, at) => {
    const next = corners[(at + 1) % corners.length];
    return corners.length > 1 && next !== undefined && each[0] === next[0] && each[1] === next[1];
  });
  if (same >= 0)
    found.push(`Corners ${same + 1} and ${((same + 1) % corners.length) + 1} are at the same place. Remove one.`);
  else {
    const crossed = crossings(corners)[0];
    if (crossed) {
      const edge = (at: number) => `${at + 1}–${((at + 1) % corners.length) + 1}`;
      found.push(`The outline crosses itself: edge ${edge(crossed[0])} meets edge ${edge(crossed[1])}. Move a corner.`);
    }
  }
  if (corners.length >= MIN_CORNERS && found.length === 0 && area(corners) < MIN_AREA)
    found.push("It covers almost nothing of the picture. Make it larger.");
  return found;
}

// Whether a point lies inside (even-odd).
export function inside(corners: readonly Point[], [x, y]: Point): boolean {
  let within = false;
  corners.forEach(([ax, ay], at) => {
    const [bx, by] = corners[(at + 1) % corners.length] ?? [ax, ay];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  });
  return within;
}

// The topmost shape under a point: of several the smallest, so that one inside another can be had.
export function hit<T extends { polygon: readonly Point[] }>(shapes: readonly T[], point: Point): T | undefined {
  return shapes
    .filter((each) => inside(each.polygon, point))
    .reduce<T | undefined>((best, each) => (best && area(best.polygon) <= area(each.polygon) ? best : each), undefined);
}

// Where its name stands: the centre of its area, or of its corners where that is outside.
export function centre(corners: readonly Point[]): Point {
  let [x, y, twice] = [0, 0, 0];
  corners.forEach(([ax, ay], at) => {
    const [bx, by] = corners[(at + 1) % corners.length] ?? [ax, ay];
    const part = ax * by - bx * ay;
    twice += part;
    x += (ax + bx) * part;
    y += (ay + by) * part;
  });
  const weighed: Point = [x / (3 * twice), y / (3 * twice)];
  if (Math.abs(twice) > 1e-9 && inside(corners, weighed)) return weighed;
  const count = Math.max(1, corners.length);
  const sum = corners.reduce<Point>(([sx, sy], [cx, cy]) => [sx + cx, sy + cy], [0, 0]);
  return [sum[0] / count, sum[1] / count];
}

export function midway(corners: readonly Point[], edge: number): Point {
  const [ax, ay] = corners[edge] ?? [0, 0];
  const [bx, by] = corners[(edge + 1) % corners.length] ?? [ax, ay];
  return inPicture([(ax + bx) / 2, (ay + by) / 2]);
}

// With a corner in the middle of an edge.
export function insert(corners: readonly Point[], edge: number, at: Point = midway(corners, edge)): Point[] {
  return [...corners.slice(0, edge + 1), inPicture(at), ...corners.slice(edge + 1)];
}

// Without a corner; the last three stay.
export function without(corners: readonly Point[], at: number): Point[] {
  return corners.length <= MIN_CORNERS ? [...corners] : corners.filter((_, each) => each !== at);
}

export function moved(corners: readonly Point[], at: number, to: Point): Point[] {
  return corners.map((each, index) => (index === at ? inPicture(to) : each));
}

// All of it by so much, as far as the picture goes; its shape stays.
export function shifted(corners: readonly Point[], [dx, dy]: Point): Point[] {
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const right = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const down = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return corners.map(([x, y]) => inPicture([x + right, y + down]));
}

// The corner nearest to a point, in pixels of a picture of that size, when it is within reach.
export function cornerNear(
  corners: readonly Point[],
  [x, y]: Point,
  [width, height]: Point,
  reach: number,
): number | undefined {
  let best: { at: number; far: number } | undefined;
  corners.forEach(([cx, cy], at) => {
    const far = Math.hypot((cx - x) * width, (cy - y) * height);
    if (far <= reach && (!best || far < best.far)) best = { at, far };
  });
  return best?.at;
}

// "34 % from the left, 61.5 % from the top"
export function placeWords([x, y]: Point): string {
  const part = (value: number) => `${Math.round(value * 1000) / 10} %`;
  return `${part(x)} from the left, ${part(y)} from the top`;
}
