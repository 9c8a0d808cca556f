// What free playback knows beside the pictures: the recording of the days in view, alerts and receipts, the live edge.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
import { coverageQuery, eventsQuery } from "../api/queries";
import type { Camera, Hit, Store } from "../api/types";
import type { Scale } from "../lib/scale";
import { addedMs } from "../lib/tillclock";
import { addDays, day, dayRange } from "../lib/time";
import type { Wall } from "../lib/wall";
import { type Kept, LIVE_DELAY_MS, loadSpan, tail } from "../lib/watch";
import type { Mark, Marked } from "./Marks";
import type { CameraLane } from "./Timeline";

const REFRESH_MS = 20_000;

// The newest instant that cameras have, as far as it is known: what was said, and the time since if they are live.
export function newestOf(cameras: Camera[], asked: number, now: number): number {
  let newest = 0;
  for (const each of cameras) {
    if (!each.recorded_to) continue;
    const since = each.state === "live" ? Math.max(0, now - asked) : 0;
    newest = Math.max(newest, Date.parse(each.recorded_to) + since);
  }
  return newest === 0 ? now : newest;
}

// The live edge. What the recorder has written comes in pieces, so that it seems to be now nearer, now farther behind:
// the farthest of late counts, else playback would stand still each time.
export function useEdge(wall: Wall, cameras: Camera[]): void {
  const behind = useRef<number | null>(null);
  const seen = useRef(0);
  useEffect(() => {
    const newest = Math.max(0, ...cameras.map((each) => (each.recorded_to ? Date.parse(each.recorded_to) : 0)));
    if (newest > seen.current) {
      const late = Date.now() - newest;
      behind.current = behind.current === null ? late : Math.max(late, behind.current - 200);
      seen.current = newest;
    }
    const live = cameras.some((each) => each.state === "live");
    const late = behind.current ?? 0;
    wall.clock.edge = () => (live ? Math.max(newest, Date.now() - late) : newest) - LIVE_DELAY_MS;
  }, [wall, cameras]);
}

// The recording of each camera over the days that the view touches.
export function useKept(
  wall: Wall,
  store: Store,
  cameras: Camera[],
  view: Scale,
  asked: number,
): { lanes: CameraLane[]; loading: boolean; failed: boolean } {
  const first = day(new Date(view.from), store.tz);
  const last = day(new Date(view.to), store.tz);
  const days = useMemo(() => {
    const all = [first];
    for (let next = addDays(first, 1); next <= last && all.length < 4; next = addDays(next, 1)) all.push(next);
    return all.map((each) => dayRange(each, store.tz));
  }, [first, last, store.tz]);
  const answers = useQueries({
    queries: days.map(({ from, to }) => {
      const query = coverageQuery(store.id, from.toISOString(), to.toISOString());
      const today = to.getTime() > Date.now();
      return {
        ...query,
        placeholderData: undefined,
        staleTime: REFRESH_MS,
        refetchInterval: today ? REFRESH_MS : (false as const),
      };
    }),
    combine: (all) => ({
      data: all.map((each) => each.data),
      loading: all.some((each) => each.isPending),
      failed: all.some((each) => each.isError),
    }),
  });
  const { data, loading, failed } = answers;
  const lanes = useMemo(
    () =>
      cameras.map<CameraLane>((camera) => {
        const kept: Kept[] = [];
        for (const answer of data) {
          for (const each of answer?.cameras.find((one) => one.camera_id === camera.id)?.spans ?? []) {
            kept.push({
              start: Date.parse(each.start_at),
              end: Date.parse(each.end_at),
              kind: each.kind,
              reason: each.reason,
            });
          }
        }
        return { id: camera.id, name: camera.name, kept };
      }),
    [cameras, data],
  );
  const isNow = view.to > Date.now() - REFRESH_MS * 3;
  const drawn = useMemo(() => {
    if (!isNow) return lanes;
    const until = newestOf(cameras, asked, Date.now());
    return lanes.map((each, at) => ({ ...each, kept: withTail(each.kept, cameras[at], until) }));
  }, [lanes, cameras, asked, isNow]);
  useEffect(() => {
    // Only what was answered is known: a day that is still loading is not a day without video.
    const known = lanes.flatMap((each, at) =>
      each.kept.length > 0 || !(loading || failed)
        ? [[each.id, withTail(each.kept, lost(cameras[at]), Number.MAX_SAFE_INTEGER)] as const]
        : [],
    );
    wall.know(new Map(known));
  }, [wall, lanes, cameras, loading, failed]);
  return { lanes: drawn, loading, failed };
}

function lost(camera: Camera | undefined): Camera | undefined {
  return camera?.state === "lost" ? camera : undefined;
}

// Only of a day whose coverage reaches up to now.
function withTail(kept: Kept[], camera: Camera | undefined, until: number): Kept[] {
  const end = kept.at(-1)?.end ?? 0;
  if (!camera || Date.now() - end > REFRESH_MS * 4) return kept;
  const to = camera.recorded_to ? Date.parse(camera.recorded_to) : 0;
  return tail(kept, camera.state === "live", to, camera.reason ?? null, until);
}

// Alerts and receipts of the registers that the cameras see; of all registers when they see none.
export function useMarked(store: Store, cameras: Camera[], view: Scale): Marked {
  const span = loadSpan(view);
  const seen = store.registers.filter((each) => each.cameras.some((id) => cameras.some((camera) => camera.id === id)));
  const registers = seen.map((each) => each.id);
  const whose = seen.map((each) => each.name ?? each.id).join(", ");
  const query = useQuery({
    ...eventsQuery(store.id, registers, new Date(span.from).toISOString(), new Date(span.to).toISOString()),
    refetchInterval: span.to > Date.now() ? REFRESH_MS : false,
    placeholderData: (old) => old,
  });
  return useMemo(() => {
    // What is added to a till's time to have the cameras'.
    const clocks = new Map(store.registers.map((each) => [each.id, each.clock]));
    const added = (hit: Hit) => addedMs(clocks.get(hit.register_id) ?? null, hit.event_time);
    const mark = (hit: Hit): Mark => ({ hit, at: Date.parse(hit.event_time) + added(hit) });
    const { alerts = [], receipts = [], buckets = [] } = query.data ?? {};
    const of = whose ? ` of register ${whose}` : "";
    return { alerts: alerts.map(mark), receipts: receipts.map(mark), buckets, of };
  }, [query.data, store, whose]);
}
