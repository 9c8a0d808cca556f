// Free playback: any recorded camera at any time, up to four on one clock. The address holds all of it.
import "../style/watch.css";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { camerasQuery, storesQuery } from "../api/queries";
import type { Camera, Store } from "../api/types";
import { useKeys } from "../lib/keys";
import type { Reel } from "../lib/reel";
import type { Scale } from "../lib/scale";
import { day, dayRange } from "../lib/time";
import { Wall } from "../lib/wall";
import {
  type Address,
  camerasOf,
  centred,
  DAY,
  follow,
  instantOf,
  LIVE_DELAY_MS,
  nextMark,
  recordedEnds,
  spanOf,
  zoom,
} from "../lib/watch";
import { CameraPicker } from "../parts/CameraPicker";
import { type Added, AddedTo } from "../parts/CasePicker";
import { ClipPicker } from "../parts/ClipPicker";
import { InView } from "../parts/InView";
import { Chosen, type Mark } from "../parts/Marks";
import { NoCamera } from "../parts/NoCamera";
import { Pane } from "../parts/Pane";
import { fullScreen } from "../parts/Player";
import { Said } from "../parts/Said";
import { useMayReview } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { TimeBox } from "../parts/TimeBox";
import { Timeline } from "../parts/Timeline";
import { newestOf, useEdge, useKept, useMarked } from "../parts/useWatchData";
import { WatchControls } from "../parts/WatchControls";

const HOUR = 3_600_000;

export default function WatchPage() {
  const search = useSearch({ from: "/watch" });
  const stores = useQuery(storesQuery);
  const cameras = useQuery({ ...camerasQuery, refetchInterval: 10_000 });
  const navigate = useNavigate();
  const failed = stores.error ?? cameras.error;
  if (failed && !(stores.data && cameras.data)) {
    return <Failed error={failed} retry={() => void Promise.all([stores.refetch(), cameras.refetch()])} />;
  }
  if (!stores.data || !cameras.data) {
    return (
      <div className="watch">
        <Skeleton rows={1} height={40} label="Loading stores" />
        <Skeleton rows={1} height={420} label="Loading cameras" />
        <Skeleton rows={4} height={22} label="Loading the timeline" />
      </div>
    );
  }
  const withCameras = (each: Store) => cameras.data.some((camera) => camera.store_id === each.id);
  const store = search.store
    ? stores.data.find((each) => each.id === search.store)
    : (stores.data.find(withCameras) ?? stores.data[0]);
  const mine = cameras.data.filter((each) => each.store_id === store?.id);
  const head = (
    <>
      <h1>Watch</h1>
      {stores.data.length > 1 && (
        <label className="choice">
          <span className="hidden">Store</span>
          <select
            value={store?.id ?? ""}
            onChange={(event) =>
              void navigate({ to: "/watch", search: { ...search, store: event.target.value, cameras: undefined } })
            }
          >
            {!store && <option value="">Choose a store</option>}
            {stores.data.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
                {withCameras(each) ? "" : " (no camera)"}
              </option>
            ))}
          </select>
        </label>
      )}
    </>
  );
  const playable = store && mine.some((each) => each.recorded_from);
  return (
    <div className="watch">
      {!playable && <header className="bar-of-page">{head}</header>}
      {!store ? (
        <Empty title={search.store ? `There is no store ${search.store} for you` : "There is no store"}>
          <p>Choose another store, or ask an administrator.</p>
        </Empty>
      ) : mine.length === 0 ? (
        <Empty title="No camera in this store">
          <NoCamera />
        </Empty>
      ) : !playable ? (
        <Empty title="Nothing recorded yet">
          <p>
            {mine.length === 1 ? "The camera of this store has" : `The ${mine.length} cameras of this store have`} no
            recording so far. This page looks again by itself.
          </p>
        </Empty>
      ) : (
        <Playback
          key={store.id}
          store={store}
          cameras={mine}
          asked={cameras.dataUpdatedAt}
          address={search}
          head={head}
        />
      )}
    </div>
  );
}

type Props = { store: Store; cameras: Camera[]; asked: number; address: Address; head: ReactNode };

function Playback({ store, cameras, asked, address, head }: Props) {
  const navigate = useNavigate();
  const zone = store.tz;
  const wanted = camerasOf(address.cameras);
  const known = wanted.filter((id) => cameras.some((each) => each.id === id));
  const unknown = wanted.filter((id) => !known.includes(id));
  const first = cameras.filter((each) => each.recorded_from).slice(0, 2);
  const chosen = (known.length > 0 ? known : first.map((each) => each.id)).join(",");
  const shown = useMemo(
    () => chosen.split(",").flatMap((id) => cameras.find((each) => each.id === id) ?? []),
    [chosen, cameras],
  );

  const [wall] = useState(
    () => new Wall(instantOf(address.at) ?? newestOf(shown, asked, Date.now()) - LIVE_DELAY_MS - 1_000),
  );
  const { clock } = wall;
  const [reels, setReels] = useState<Reel[]>([]);
  const [view, setViewTo] = useState<Scale>(() => centred(wall.clock.now, spanOf(address.zoom, HOUR)));
  const [group, setGroup] = useState<Mark[] | null>(null);
  const may = useMayReview();
  const [clip, setClip] = useState<number | null>(null);
  const [added, setAdded] = useState<Added | null>(null);
  const screen = useRef<HTMLDivElement>(null);
  useEdge(wall, shown);
  const { lanes, loading, failed } = useKept(wall, store, shown, view, asked);
  const marked = useMarked(store, shown, view);
  useEffect(() => wall.run(), [wall]);
  useEffect(() => setReels(wall.show(store.id, chosen.split(","))), [wall, store.id, chosen]);

  // The address follows what is shown, and what is shown follows the address when somebody else changes it.
  const written = useRef(address.at);
  const write = (next: Address, push = false) => {
    const at = next.at ?? new Date(Math.round(clock.now)).toISOString();
    written.current = at;
    void navigate({
      to: "/watch",
      search: { store: store.id, cameras: address.cameras ?? chosen, zoom: address.zoom, ...next, at },
      replace: !push,
      resetScroll: false,
    });
  };
  const newest = useRef(write);
  newest.current = write;
  useEffect(() => {
    const at = instantOf(address.at);
    if (at !== null && address.at !== written.current) clock.seek(at);
    written.current = address.at;
  }, [address.at, clock]);
  // Also what nobody has chosen: whoever gets the address sees the same.
  useEffect(() => {
    if (written.current === undefined) newest.current({});
  }, []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = clock.now;
    let beat = Date.now();
    const look = () => {
      if (Math.abs(clock.now - last) < 1) return;
      last = clock.now;
      if (clock.playing && timer !== undefined && Date.now() - beat < 5_000) return;
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          timer = undefined;
          beat = Date.now();
          newest.current({});
        },
        clock.playing ? 5_000 : 400,
      );
    };
    const stop = clock.subscribe(look);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [clock]);

  // The view goes with the clock, unless somebody has moved it elsewhere.
  useEffect(() => {
    let before = clock.now;
    let jumps = clock.jumps;
    return clock.subscribe(() => {
      const [was, jumped] = [before, jumps !== clock.jumps];
      before = clock.now;
      jumps = clock.jumps;
      if (clock.scrubbing) return;
      setViewTo((old) =>
        jumped || (was >= old.from && was <= old.to) ? follow(old, clock.now, clock.playing && !jumped) : old,
      );
    });
  }, [clock]);
  const span = Math.round((view.to - view.from) / 1000);
  useEffect(() => {
    if (String(span) === (address.zoom ?? "3600")) return;
    const timer = setTimeout(() => newest.current({ zoom: String(span) }), 400);
    return () => clearTimeout(timer);
  }, [span, address.zoom]);

  const today = () => dayRange(day(new Date(clock.now), zone), zone);
  const most = () => {
    const { from, to } = today();
    return Math.max(DAY, to.getTime() - from.getTime());
  };
  const wholeDay = () => {
    const { from, to } = today();
    setViewTo({ from: from.getTime(), to: to.getTime() });
  };
  const go = (at: number) => clock.seek(at);
  const choose = (marks: Mark[]) => {
    const firstMark = marks[0];
    if (firstMark) go(firstMark.at);
    setGroup(marks);
  };
  const toMark = (direction: 1 | -1) => {
    const marks = [...marked.alerts, ...marked.receipts];
    const at = nextMark(
      marks.map((each) => each.at),
      clock.now,
      direction,
    );
    if (at !== null) choose(marks.filter((each) => each.at === at));
  };
  const toEnd = (end: boolean) => {
    const { from, to } = today();
    const ofDay = lanes.map((lane) =>
      lane.kept.filter((each) => each.end > from.getTime() && each.start < to.getTime()),
    );
    const ends = recordedEnds(ofDay);
    if (ends) go(end ? Math.min(ends.end, to.getTime()) - 100 : Math.max(ends.start + 250, from.getTime()));
  };
  const live = () => {
    clock.setSpeed(1);
    clock.seek(clock.edge());
    clock.play();
  };
  useKeys({
    " ": () => clock.toggle(),
    ",": () => wall.step(-1),
    ".": () => wall.step(1),
    "<": () => clock.faster(-1),
    ">": () => clock.faster(1),
    ArrowLeft: () => clock.jump(-5),
    ArrowRight: () => clock.jump(5),
    "Shift+ArrowLeft": () => clock.jump(-1),
    "Shift+ArrowRight": () => clock.jump(1),
    Home: () => toEnd(false),
    End: () => toEnd(true),
    "+": () => setViewTo((old) => zoom(old, 0.5, clock.now, most())),
    "=": () => setViewTo((old) => zoom(old, 0.5, clock.now, most())),
    "-": () => setViewTo((old) => zoom(old, 2, clock.now, most())),
    "0": wholeDay,
    "[": () => toMark(-1),
    "]": () => toMark(1),
    l: live,
    t: () => document.querySelector<HTMLInputElement>(".time-of-store")?.focus(),
    f: () => fullScreen(screen.current),
    Escape: () => setGroup(null),
  });
  const keep = () => setClip(clock.now);
  useKeys({ e: keep }, may);

  return (
    <>
      <header className="bar-of-page">
        {head}
        <CameraPicker
          cameras={cameras}
          chosen={chosen.split(",")}
          choose={(ids) => ids.length > 0 && write({ cameras: ids.join(",") }, true)}
        />
        <span className="fill" />
        <TimeBox
          wall={wall}
          zone={zone}
          newest={() => newestOf(shown, asked, Date.now())}
          go={(at) => {
            go(at);
            write({}, true);
          }}
        />
      </header>
      {unknown.length > 0 && (
        <p className="warn" role="status">
          This store has no camera {unknown.join(", ")} for you.
        </p>
      )}
      <div className={`wall of-${reels.length}`} ref={screen}>
        {reels.map((each) => (
          <Pane
            key={each.camera}
            reel={each}
            zone={zone}
            camera={cameras.find((camera) => camera.id === each.camera)}
            kept={lanes.find((lane) => lane.id === each.camera)?.kept ?? []}
          />
        ))}
      </div>
      <WatchControls wall={wall} zone={zone} screen={screen} live={live} keep={may ? keep : undefined} />
      <Said said={added ? <AddedTo added={added} /> : ""} failed={null} />
      {clip !== null && (
        <ClipPicker
          at={clip}
          store={store.id}
          zone={zone}
          cameras={shown}
          close={() => setClip(null)}
          done={(into) => {
            setClip(null);
            setAdded(into);
          }}
        />
      )}
      <Timeline
        wall={wall}
        store={store.id}
        zone={zone}
        lanes={lanes}
        marked={marked}
        view={view}
        most={most()}
        setView={setViewTo}
        wholeDay={wholeDay}
        choose={choose}
        loading={loading}
        failed={failed}
      />
      {group && <Chosen group={group} zone={zone} go={go} close={() => setGroup(null)} />}
      <InView loading={loading} lanes={lanes} marked={marked} view={view} zone={zone} go={go} />
    </>
  );
}
