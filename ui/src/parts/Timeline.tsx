// The timeline of free playback: for each camera what is recorded and what is not, alerts and receipts above one axis of
// the store's time, from a day down to a minute.
import { useEffect, useMemo, useRef, useState } from "react";
import { fraction, percent, type Scale, ticks } from "../lib/scale";
import { clockTenths, clock as clockText, day, dayStart, dayWords, hourMinute, time, zoneName } from "../lib/time";
import type { Wall } from "../lib/wall";
import { type Kept, keptAt, snap, zoom } from "../lib/watch";
import { gapWords } from "../lib/words";
import { Lane, type Span } from "./Lane";
import { type Marked, Marks } from "./Marks";
import { Swatch } from "./Patterns";
import { Peek } from "./Peek";
import { useTimelineHand } from "./useTimelineHand";
import { useClock } from "./useWall";
import { useWidth } from "./useWidth";

export type CameraLane = { id: string; name: string; kept: Kept[] };

type Props = {
  wall: Wall;
  store: string;
  zone: string;
  lanes: CameraLane[];
  marked: Marked;
  view: Scale;
  most: number;
  setView: (view: Scale) => void;
  wholeDay: () => void;
  choose: (group: Marked["alerts"]) => void;
  loading: boolean;
  failed: boolean;
};

const LANE = 18;
const GAP = 3;

export function Timeline(props: Props) {
  const { wall, store, zone, lanes, marked, view, most, setView } = props;
  const [track, width] = useWidth<HTMLDivElement>();
  const [hover, setHover] = useState<{ at: number; row: number } | null>(null);
  const span = view.to - view.from;

  const spans = useMemo(
    () =>
      lanes.map((lane) =>
        lane.kept.map<Span>((each) => ({
          start: each.start,
          end: each.end,
          fill: each.kind,
          text: each.kind === "recorded" ? "Recorded" : `Not recorded: ${gapWords(each.reason)}`,
        })),
      ),
    [lanes],
  );
  const before = useRef(wall.clock.now);
  const seek = (at: number | null, done: boolean) => {
    // A finger that turned out to be the first of two goes back to where it found the clock.
    if (!wall.clock.scrubbing) before.current = wall.clock.now;
    wall.clock.scrub(!done);
    const reach = (6 / Math.max(1, width)) * span;
    const instants = [...marked.alerts, ...marked.receipts].map((each) => each.at);
    if (at !== null) wall.clock.seek(done ? snap(at, instants, reach) : at);
    else wall.clock.seek(before.current);
  };
  const hand = useTimelineHand({
    track,
    view,
    most,
    setView,
    seek,
    hover: (at, row) => setHover(at === null ? null : { at, row }),
  });
  const marksAt = useMemo(() => {
    const origin = dayStart(day(new Date(view.from), zone), zone).getTime();
    // None whose words the edge would cut.
    const room = view.to - (48 / Math.max(1, width)) * (view.to - view.from);
    return ticks(view, Math.max(2, Math.floor(width / 76)), origin).filter((each) => each < room);
  }, [view, zone, width]);
  const label = span > 20 * 60_000 ? hourMinute : clockText;

  const row = hover ? Math.floor((hover.row - LANE - GAP) / (LANE + GAP)) : -1;
  const under = hover ? (lanes[row] ?? lanes[0]) : undefined;
  const kept = hover && under ? keptAt(under.kept, hover.at) : null;
  const state =
    kept?.kind === "gap"
      ? `not recorded: ${gapWords(kept.reason)}`
      : kept
        ? ""
        : props.loading
          ? "not known yet"
          : "nothing recorded";

  return (
    <section className="lanes watch-lanes" aria-label="Timeline">
      <div className="names" aria-hidden="true">
        <span className="axis">{zoneName(new Date(view.from), zone)}</span>
        {lanes.map((each) => (
          <span key={each.id} title={each.name}>
            {each.name}
          </span>
        ))}
        <span>Alerts</span>
        <span>Receipts</span>
      </div>
      <div className="tracks" ref={track}>
        <div className="axis" aria-hidden="true">
          {marksAt.map((mark) => (
            <span key={mark} style={{ left: percent(fraction(view, mark)) }}>
              {label(new Date(mark), zone)}
            </span>
          ))}
        </div>
        {lanes.map((each, at) => (
          <Lane key={each.id} axis={view} spans={spans[at] ?? []} name={each.name} height={LANE} />
        ))}
        <Slider wall={wall} view={view} zone={zone} hand={hand} />
        <Marks marked={marked} view={view} width={width} zone={zone} choose={props.choose} />
        <Head wall={wall} view={view} />
        {hover && <div className="hover" style={{ left: percent(fraction(view, hover.at)) }} />}
        <div
          className="peek-place"
          style={{
            left: `clamp(0px, calc(${percent(hover ? fraction(view, hover.at) : 0)} - 100px), calc(100% - 200px))`,
          }}
        >
          <Peek
            store={store}
            camera={kept?.kind === "recorded" ? (under?.id ?? "") : ""}
            name={under?.name ?? ""}
            at={hover?.at ?? null}
            step={Math.max(1000, Math.round(((span / Math.max(1, width)) * 8) / 1000) * 1000)}
            said={
              hover
                ? `${label === hourMinute ? time(new Date(hover.at), zone) : clockTenths(new Date(hover.at), zone)}${state ? `, ${state}` : ""}`
                : ""
            }
          />
        </div>
      </div>
      <div className="legend">
        <span>
          <Swatch fill="recorded" /> recorded
        </span>
        <span>
          <Swatch fill="gap" /> not recorded
        </span>
        <span>
          <i className="mark-alert" aria-hidden="true" /> alert
        </span>
        <span>
          <i className="mark-receipt" aria-hidden="true" /> receipt{marked.of}
        </span>
        {props.loading && <span role="status">Loading what is recorded</span>}
        {props.failed && <span className="warn">What is recorded cannot be read just now.</span>}
        <span className="fill" />
        <span>
          {dayWords(new Date(view.from), zone)}
          {day(new Date(view.to - 1), zone) !== day(new Date(view.from), zone) &&
            ` to ${dayWords(new Date(view.to - 1), zone)}`}
        </span>
        <span className="zooms" role="group" aria-label="Timeline">
          <button
            type="button"
            className="icon"
            aria-label="Wider"
            title="Wider (-)"
            onClick={() => setView(zoom(view, 2, wall.clock.now, most))}
          >
            −
          </button>
          <button
            type="button"
            className="icon"
            aria-label="Closer"
            title="Closer (+)"
            onClick={() => setView(zoom(view, 0.5, wall.clock.now, most))}
          >
            +
          </button>
          <button type="button" className="button small" title="The whole day (0)" onClick={props.wholeDay}>
            Day
          </button>
        </span>
      </div>
    </section>
  );
}

function Head({ wall, view }: { wall: Wall; view: Scale }) {
  const line = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const draw = () => {
      const part = (wall.clock.now - view.from) / (view.to - view.from);
      const element = line.current;
      if (!element) return;
      element.style.left = percent(part);
      element.style.visibility = part < 0 || part > 1 ? "hidden" : "visible";
    };
    draw();
    return wall.clock.subscribe(draw);
  }, [wall, view]);
  return <div className="head" ref={line} />;
}

type Hand = ReturnType<typeof useTimelineHand>;

function Slider({ wall, view, zone, hand }: { wall: Wall; view: Scale; zone: string; hand: Hand }) {
  const second = useClock(wall.clock, (each) => Math.round(each.now / 1000));
  const from = Math.round(view.from / 1000);
  const to = Math.round(view.to / 1000);
  const at = new Date(second * 1000);
  return (
    <div
      className="slider"
      role="slider"
      tabIndex={0}
      aria-label="Instant of playback"
      aria-valuemin={Math.min(from, second)}
      aria-valuemax={Math.max(to, second)}
      aria-valuenow={second}
      aria-valuetext={`${time(at, zone)}, ${dayWords(at, zone)}`}
      {...hand}
    />
  );
}
