// The drawing of a camera's zones on the page: hands that change it, what is chosen, and saving with its conflicts.
import { useMemo, useRef, useState } from "react";
import { Problem } from "../../api/http";
import { client } from "../../api/queries";
import { changed, putZone, removeZone, type SetZone, setZonesQuery } from "../../api/setup";
import {
  add,
  begin,
  type Drawing,
  edit,
  follow,
  freeName,
  pen,
  pending,
  redo,
  resolve,
  rest,
  type Sketch,
  settled,
  take,
  undo,
} from "../../lib/drawing";
import { faults, MIN_CORNERS, type Point } from "../../lib/polygon";
import type { Hands } from "./ZoneCanvas";

// Somebody else was faster: theirs is null when they removed it.
export type Conflict = { zone_id: string; theirs: SetZone | null };
export type Outcome = { saved: string[]; failed: { zone_id: string; error: unknown }[]; at: string } | null;

export function useDrawing(store: string, camera: string, base: SetZone[] | undefined) {
  const [drawing, setDrawing] = useState<Drawing>(() => begin(base ?? []));
  const [seen, setSeen] = useState(base);
  const [selected, select] = useState<string | null>(null);
  const [said, say] = useState("");
  const [conflicts, setConflicts] = useState<Conflict[]>([]);
  const [saving, setSaving] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>(null);
  if (base !== seen) {
    setSeen(base);
    if (base) setDrawing((old) => (seen ? follow(old, base) : begin(base)));
  }
  const now = useRef(drawing);
  now.current = drawing;
  const taken = useRef<string[]>([]);
  taken.current = [...drawing.now.zones, ...drawing.base].map((each) => each.zone_id);

  const acts = useMemo(() => {
    const put = (change: (old: Drawing) => Drawing) => {
      setOutcome(null);
      setDrawing(change);
    };
    const fresh = (polygon: Point[]) => {
      const like = now.current.now.zones.find((each) => each.register_id !== null);
      const zone: Sketch = {
        zone_id: freeName(taken.current, camera, "customer"),
        kind: "customer",
        register_id: like?.register_id ?? null,
        polygon,
        version: null,
      };
      put((old) => add(old, zone));
      select(zone.zone_id);
      say(`Zone drawn, ${polygon.length} corners. Say what it is and save it.`);
    };
    const hands: Hands = {
      select,
      say,
      shape: (zone, polygon, name) => put((old) => edit(old, zone, () => ({ polygon }), name)),
      rest: () => setDrawing(rest),
      remove: (zone) => {
        put((old) => take(old, zone));
        select(null);
        say("Zone removed from the drawing; saving makes it so. Ctrl+Z brings it back.");
      },
      pen: (corners, name) => put((old) => pen(old, corners, name)),
      finish: () => {
        const corners = now.current.now.pen ?? [];
        if (corners.length < MIN_CORNERS) {
          say(`A zone has at least ${MIN_CORNERS} corners; ${corners.length} are set.`);
          return;
        }
        const wrong = faults(corners)[0];
        if (wrong) say(wrong);
        else fresh(corners);
      },
    };
    return {
      hands,
      fresh,
      change: (zone: string, next: Partial<Sketch>) => put((old) => edit(old, zone, () => next)),
      rename: (zone: string, name: string) => {
        put((old) => edit(old, zone, () => ({ zone_id: name }), `rename ${zone}`));
        select(name);
      },
      undo: () => put(undo),
      redo: () => put(redo),
      discard: () => {
        put((old) => begin(old.base));
        select(null);
        setConflicts([]);
      },
      decide: (conflict: Conflict, mine: boolean) => {
        put((old) => resolve(old, conflict.zone_id, conflict.theirs, mine));
        setConflicts((old) => old.filter((each) => each.zone_id !== conflict.zone_id));
      },
    };
  }, [camera]);

  const save = async () => {
    const wanted = pending(now.current).filter((each) => each.faults.length === 0);
    if (wanted.length === 0) return;
    setSaving(true);
    const done: NonNullable<Outcome> = { saved: [], failed: [], at: new Date().toISOString() };
    const beaten: string[] = [];
    for (const { zone_id, sketch } of wanted) {
      try {
        let saved: SetZone | null = null;
        if (sketch) {
          const { kind, register_id, polygon, version } = sketch;
          saved = await putZone(store, zone_id, { camera_id: camera, kind, register_id, polygon, version });
        } else await removeZone(store, zone_id).catch(gone);
        done.saved.push(zone_id);
        setDrawing((old) => settled(old, zone_id, saved));
      } catch (error) {
        // Changed meanwhile, or removed.
        if (error instanceof Problem && (error.status === 409 || error.status === 404)) beaten.push(zone_id);
        else done.failed.push({ zone_id, error });
      }
    }
    if (beaten.length > 0) {
      const theirs = await client.fetchQuery(setZonesQuery(store, camera)).catch(() => null);
      // Of another camera, or gone: then there is nothing of theirs to show.
      setConflicts(
        beaten.map((zone_id) => ({ zone_id, theirs: theirs?.find((each) => each.zone_id === zone_id) ?? null })),
      );
    } else setConflicts([]);
    setOutcome(done);
    setSaving(false);
    await changed();
  };

  return { drawing, selected, said, conflicts, saving, outcome, waiting: pending(drawing), save, ...acts };
}

// What is gone already need not be removed.
function gone(error: unknown): void {
  if (!(error instanceof Problem && error.status === 404)) throw error;
}
