// The zones of a camera while somebody draws them: what the server has, what is changed, and every step back. A drawing
// is never lost by an answer of the server; it is laid over what the server says.
import type { SetZone, ZoneKind } from "../api/setup";
import { faults, inPicture, type Point } from "./polygon";

export type Sketch = {
  zone_id: string;
  kind: ZoneKind;
  register_id: string | null;
  polygon: Point[];
  // The version that it changes; null is a new zone.
  version: number | null;
};

type State = { zones: Sketch[]; pen: Point[] | null };

export type Drawing = {
  // As the server has them.
  base: SetZone[];
  now: State;
  past: State[];
  future: State[];
  // What the last step was; steps of the same name become one (a drag, a held arrow key).
  last: string | null;
};

const MOST_STEPS = 200;

const sketch = ({ zone_id, kind, register_id, polygon, version }: SetZone): Sketch => ({
  zone_id,
  kind,
  register_id,
  polygon: polygon.map(([x, y]) => [x, y]),
  version,
});

export function begin(base: SetZone[]): Drawing {
  return { base, now: { zones: base.map(sketch), pen: null }, past: [], future: [], last: null };
}

function same(one: Sketch, other: Sketch): boolean {
  return (
    one.kind === other.kind &&
    one.register_id === other.register_id &&
    JSON.stringify(one.polygon) === JSON.stringify(other.polygon)
  );
}

// A step that can be taken back. Steps with the same name in a row are one.
export function step(drawing: Drawing, change: (now: State) => State, name: string | null = null): Drawing {
  const now = change(drawing.now);
  if (now === drawing.now) return drawing;
  const joins = name !== null && name === drawing.last;
  const past = joins ? drawing.past : [...drawing.past, drawing.now].slice(-MOST_STEPS);
  return { ...drawing, now, past, future: [], last: name };
}

// The next step stands alone, whatever its name.
export function rest(drawing: Drawing): Drawing {
  return drawing.last === null ? drawing : { ...drawing, last: null };
}

export function undo(drawing: Drawing): Drawing {
  const before = drawing.past.at(-1);
  if (!before) return drawing;
  const { now, past, future } = drawing;
  return { ...drawing, now: before, past: past.slice(0, -1), future: [now, ...future], last: null };
}

export function redo(drawing: Drawing): Drawing {
  const [next, ...future] = drawing.future;
  if (!next) return drawing;
  return { ...drawing, now: next, past: [...drawing.past, drawing.now], future, last: null };
}

export function edit(
  drawing: Drawing,
  zone: string,
  change: (zone: Sketch) => Partial<Sketch>,
  name: string | null = null,
): Drawing {
  return step(
    drawing,
    (now) => ({
      ...now,
      zones: now.zones.map((each) => (each.zone_id === zone ? { ...each, ...change(each) } : each)),
    }),
    name,
  );
}

export function take(drawing: Drawing, zone: string): Drawing {
  return step(drawing, (now) => ({ ...now, zones: now.zones.filter((each) => each.zone_id !== zone) }));
}

export function add(drawing: Drawing, zone: Sketch): Drawing {
  return step(drawing, (now) => ({ zones: [...now.zones, zone], pen: null }));
}

// The corners of a zone that is being drawn; null puts the pen away.
export function pen(drawing: Drawing, corners: Point[] | null, name: string | null = null): Drawing {
  return step(drawing, (now) => ({ ...now, pen: corners?.map(inPicture) ?? null }), name);
}

export type Pending = { zone_id: string; what: "add" | "change" | "remove"; sketch: Sketch | null; faults: string[] };

// What saving would send.
export function pending({ base, now }: Drawing): Pending[] {
  const found: Pending[] = [];
  for (const zone of now.zones) {
    const known = base.find((each) => each.zone_id === zone.zone_id);
    if (known && same(sketch(known), zone)) continue;
    found.push({
      zone_id: zone.zone_id,
      what: known ? "change" : "add",
      sketch: zone,
      faults: faults(zone.polygon),
    });
  }
  for (const known of base) {
    if (!now.zones.some((each) => each.zone_id === known.zone_id))
      found.push({ zone_id: known.zone_id, what: "remove", sketch: null, faults: [] });
  }
  return found;
}

// One zone is saved, or gone. The steps before stay: undoing one is a change again.
export function settled(drawing: Drawing, zone: string, saved: SetZone | null): Drawing {
  const base = drawing.base.filter((each) => each.zone_id !== zone);
  if (saved) base.push(saved);
  const version = saved?.version ?? null;
  const renew = (state: State): State => ({
    ...state,
    zones: state.zones.map((each) => (each.zone_id === zone ? { ...each, version } : each)),
  });
  return {
    ...drawing,
    base,
    now: renew(drawing.now),
    past: drawing.past.map(renew),
    future: drawing.future.map(renew),
  };
}

// What the server has now. Zones that nobody touched here follow it; what is drawn here stays, on the version that it
// began with, so that saving it says who was faster.
export function follow(drawing: Drawing, base: SetZone[]): Drawing {
  const touched = new Set(pending(drawing).map((each) => each.zone_id));
  const zones = drawing.now.zones.filter(
    (each) => touched.has(each.zone_id) || base.some((b) => b.zone_id === each.zone_id),
  );
  for (const each of base) {
    if (touched.has(each.zone_id)) continue;
    const at = zones.findIndex((zone) => zone.zone_id === each.zone_id);
    const old = drawing.base.find((zone) => zone.zone_id === each.zone_id);
    if (at < 0) zones.push(sketch(each));
    else if (old?.version !== each.version) zones[at] = sketch(each);
  }
  // A touched zone keeps the base that it was drawn on until it is saved or given up.
  const kept = drawing.base.filter((each) => touched.has(each.zone_id));
  const next = [...base.filter((each) => !touched.has(each.zone_id)), ...kept];
  return { ...drawing, base: next, now: { ...drawing.now, zones } };
}

// After a conflict: mine goes on top of theirs, or theirs takes its place.
export function resolve(drawing: Drawing, zone: string, theirs: SetZone | null, mine: boolean): Drawing {
  const settledNow = settled(drawing, zone, theirs);
  if (mine) return settledNow;
  const zones = settledNow.now.zones.filter((each) => each.zone_id !== zone);
  if (theirs) zones.push(sketch(theirs));
  return { ...step(settledNow, (now) => ({ ...now, zones })), last: null };
}

// A name for a new zone that nobody has.
export function freeName(taken: readonly string[], camera: string, kind: ZoneKind): string {
  const stem = `${camera}-${kind}`.slice(0, 60);
  if (!taken.includes(stem)) return stem;
  for (let number = 2; ; number++) {
    const name = `${stem}-${number}`;
    if (!taken.includes(name)) return name;
  }
}
