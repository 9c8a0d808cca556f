// What was known at each moment of the clip, on one axis: recording and gaps, presence of each zone, the receipt.
// A click goes there. Gaps and blind spots are drawn, never hidden.
import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import type { SeenSpan, Video } from "../api/types";
import type { Deck } from "../lib/deck";
import { fraction, instant, percent, place, scale, ticks } from "../lib/scale";
import { clock, clockTenths, day, dayStart, time, zoneName } from "../lib/time";
import { gapWords, presenceWords, words } from "../lib/words";
import { Lane, type Span } from "./Lane";
import { Swatch } from "./Patterns";
import { useDeck } from "./useDeck";
import { useWidth } from "./useWidth";

export type Mark = { at: number; text: string };

type Props = {
  deck: Deck;
  video: Video;
  zone: string;
  presence: SeenSpan[];
  marks: Mark[];
  // Bound of the error between till and camera, in milliseconds; null when it is not known.
  bound: number | null;
};

export function Lanes({ deck, video, zone, presence, marks, bound }: Props) {
  const axis = useMemo(() => scale(deck.from, deck.to), [deck]);
  const [track, width] = useWidth<HTMLDivElement>();
  const [hover, setHover] = useState<number | null>(null);
  const dragging = useRef(false);

  const recording = useMemo<Span[]>(() => {
    if (!video.play_url && video.gaps.length === 0) {
      return [{ start: deck.from, end: deck.to, fill: "gap", text: video.note ?? "No video" }];
    }
    const gaps = video.gaps
      .map<Span>((gap) => ({
        start: Date.parse(gap.start_at),
        end: Date.parse(gap.end_at),
        fill: "gap",
        text: `Not recorded: ${gapWords(gap.reason)}`,
      }))
      .sort((one, other) => one.start - other.start);
    const all: Span[] = [];
    let at = deck.from;
    for (const gap of gaps) {
      if (gap.start > at) all.push({ start: at, end: gap.start, fill: "recorded", text: "Recorded" });
      all.push(gap);
      at = Math.max(at, gap.end);
    }
    if (at < deck.to) all.push({ start: at, end: deck.to, fill: "recorded", text: "Recorded" });
    return all;
  }, [deck, video]);

  const zones = useMemo(() => {
    const found = new Map<string, { name: string; spans: Span[] }>();
    for (const each of presence) {
      const lane = found.get(each.zone_id) ?? { name: words(each.zone_kind), spans: [] };
      lane.spans.push({
        start: Date.parse(each.start_at),
        end: Date.parse(each.end_at),
        fill: each.state,
        text: presenceWords(each.state, each.blind),
      });
      found.set(each.zone_id, lane);
    }
    return [...found].map(([id, lane]) => ({ id, ...lane }));
  }, [presence]);

  const event = Date.parse(video.event_at);
  const marksAt = useMemo(() => {
    const origin = dayStart(day(new Date(axis.from), zone), zone).getTime();
    return ticks(axis, Math.max(2, Math.floor(width / 84)), origin);
  }, [axis, zone, width]);
  const band = bound === null ? null : place(axis, event - bound, event + bound);

  const at = (pointer: PointerEvent<HTMLElement>): number => {
    const box = pointer.currentTarget.getBoundingClientRect();
    return instant(axis, (pointer.clientX - box.left) / box.width);
  };
  const said = hover === null ? null : sayAt(hover, zone, recording, zones, marks);

  return (
    <section className="lanes" aria-label="Timeline">
      <div className="names" aria-hidden="true">
        <span className="axis">{zoneName(new Date(axis.from), zone)}</span>
        <span>Video</span>
        {zones.map((each) => (
          <span key={each.id} title={each.id}>
            {each.name}
          </span>
        ))}
        <span>Till</span>
      </div>
      <div className="tracks" ref={track}>
        <div className="axis" aria-hidden="true">
          {marksAt.map((mark) => (
            <span key={mark} style={{ left: percent(fraction(axis, mark)) }}>
              {clock(new Date(mark), zone)}
            </span>
          ))}
        </div>
        <Lane axis={axis} spans={recording} name="Video" height={14} />
        {zones.map((each) => (
          <Lane key={each.id} axis={axis} spans={each.spans} name={`${each.name} zone`} />
        ))}
        <div className="till" role="img" aria-label={`Till: ${marks.length} lines`}>
          {marks.map((mark) => (
            <i key={`${mark.at} ${mark.text}`} style={{ left: percent(fraction(axis, mark.at)) }} title={mark.text} />
          ))}
        </div>
        {band && <div className="band" style={{ left: percent(band.left), width: percent(band.width) }} />}
        <div
          className={fraction(axis, event) > 0.85 ? "event late" : "event"}
          style={{ left: percent(fraction(axis, event)) }}
        >
          <span>event</span>
        </div>
        <Buffered deck={deck} />
        <Head deck={deck} />
        {hover !== null && <div className="hover" style={{ left: percent(fraction(axis, hover)) }} />}
        <Slider
          deck={deck}
          zone={zone}
          move={(pointer) => {
            const where = at(pointer);
            setHover(where);
            if (dragging.current) deck.seek(where);
          }}
          down={(pointer) => {
            dragging.current = true;
            pointer.currentTarget.setPointerCapture(pointer.pointerId);
            deck.seek(at(pointer));
          }}
          up={() => {
            dragging.current = false;
          }}
          leave={() => setHover(null)}
        />
      </div>
      <div className="legend">
        {said ? (
          <span className="said">{said}</span>
        ) : (
          <>
            <span>
              <Swatch fill="present" /> somebody
            </span>
            <span>
              <Swatch fill="absent" /> nobody
            </span>
            <span>
              <Swatch fill="unknown" /> cannot be told
            </span>
            <span>
              <Swatch fill="gap" /> not recorded
            </span>
            {bound !== null && (
              <span>
                <i className="band-swatch" /> till ± {(bound / 1000).toFixed(1)} s
              </span>
            )}
          </>
        )}
      </div>
    </section>
  );
}

function sayAt(
  at: number,
  zone: string,
  recording: Span[],
  zones: { name: string; spans: Span[] }[],
  marks: Mark[],
): string {
  const in_ = (spans: Span[]) => spans.find((each) => each.start <= at && at < each.end)?.text;
  const parts = [time(new Date(at), zone)];
  const video = in_(recording);
  if (video && video !== "Recorded") parts.push(video);
  for (const each of zones) parts.push(`${each.name}: ${(in_(each.spans) ?? "no statement").toLowerCase()}`);
  const near = marks.filter((mark) => Math.abs(mark.at - at) < 1000).map((mark) => mark.text);
  if (near.length) parts.push(near.slice(0, 2).join(", "));
  return parts.join(" · ");
}

function Head({ deck }: { deck: Deck }) {
  const line = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const draw = () => {
      const part = (deck.now - deck.from) / (deck.to - deck.from);
      if (line.current) line.current.style.left = percent(part);
    };
    draw();
    return deck.subscribe(draw);
  }, [deck]);
  return <div className="head" ref={line} />;
}

function Buffered({ deck }: { deck: Deck }) {
  const text = useDeck(deck, (each) => each.buffered().join(";"));
  const axis = { from: deck.from, to: deck.to };
  return (
    <div className="buffered" aria-hidden="true">
      {text.split(";").map((range) => {
        const [start, end] = range.split(",").map(Number);
        const at = start !== undefined && end !== undefined ? place(axis, start, end) : null;
        return at && <i key={range} style={{ left: percent(at.left), width: percent(at.width) }} />;
      })}
    </div>
  );
}

function Slider(props: {
  deck: Deck;
  zone: string;
  move: (pointer: PointerEvent<HTMLElement>) => void;
  down: (pointer: PointerEvent<HTMLElement>) => void;
  up: () => void;
  leave: () => void;
}) {
  const { deck, zone } = props;
  const second = useDeck(deck, (each) => Math.round((each.now - each.from) / 1000));
  return (
    <div
      className="slider"
      role="slider"
      tabIndex={0}
      aria-label="Place in the video"
      aria-valuemin={0}
      aria-valuemax={Math.round((deck.to - deck.from) / 1000)}
      aria-valuenow={second}
      aria-valuetext={`${clockTenths(new Date(deck.from + second * 1000), zone)} ${zoneName(new Date(deck.from), zone)}`}
      onPointerMove={props.move}
      onPointerDown={props.down}
      onPointerUp={props.up}
      onPointerLeave={props.leave}
      onKeyDown={(event) => {
        if (event.key === "Home") deck.seek(deck.from);
        else if (event.key === "End") deck.seek(deck.to);
        else return;
        event.preventDefault();
      }}
    />
  );
}
