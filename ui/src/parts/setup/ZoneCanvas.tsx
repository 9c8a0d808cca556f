// Zones over the picture: to look at, to drag, to draw. By mouse, by finger, and by keyboard: names and corners are
// buttons, so that they are reached by Tab and read out.
import { type KeyboardEvent, type PointerEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { PresenceNow, SetZone } from "../../api/setup";
import type { Sketch } from "../../lib/drawing";
import {
  centre,
  cornerNear,
  crossings,
  faults,
  hit,
  inPicture,
  insert,
  MAX_CORNERS,
  MIN_CORNERS,
  midway,
  moved,
  type Point,
  placeWords,
  shifted,
  without,
} from "../../lib/polygon";
import { ZONE_KINDS } from "../../lib/setup";
import { PRESENCE } from "../../lib/words";
import { Swatch } from "../Patterns";

export type Hands = {
  select: (zone: string | null) => void;
  // Replaces the corners of a zone. Steps of one name are one step back.
  shape: (zone: string, corners: Point[], name: string | null) => void;
  rest: () => void;
  remove: (zone: string) => void;
  pen: (corners: Point[] | null, name: string | null) => void;
  finish: () => void;
  say: (text: string) => void;
};

type Props = {
  zones: Sketch[];
  selected: string | null;
  pen: Point[] | null;
  ghosts: SetZone[];
  presence: Map<string, PresenceNow>;
  picture: string | null;
  note: string | null;
  hands: Hands;
};

type Drag = { what: "corner" | "zone" | "pen"; zone: string; at: number; from: Point; corners: Point[]; name: string };

const STEP = 0.01;
const NEAR = 14;
const ARROWS: Record<string, Point> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

function arrow(event: KeyboardEvent): Point | null {
  const way = ARROWS[event.key];
  if (!way || event.ctrlKey || event.altKey || event.metaKey) return null;
  const times = event.shiftKey ? 5 : 1;
  return [way[0] * times, way[1] * times];
}

let drags = 0;

export function ZoneCanvas({ zones, selected, pen, ghosts, presence, picture, note, hands }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Point>([0, 0]);
  const [ratio, setRatio] = useState("16 / 9");
  const drag = useRef<Drag | null>(null);
  const [dragging, setDragging] = useState(false);
  const [cursor, setCursor] = useState<Point>([0.5, 0.5]);
  // The shape before somebody went into its corners, for Escape.
  const entered = useRef<{ zone: string; corners: Point[] } | null>(null);
  const wanted = useRef<string | null>(null);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => setSize([element.clientWidth, element.clientHeight]);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const focus = (what: string): boolean => {
    const found = frame.current?.querySelector<HTMLElement>(`[data-part="${CSS.escape(what)}"]`);
    found?.focus();
    return Boolean(found);
  };
  // After a corner came or went, the hand goes on where it was.
  useEffect(() => {
    if (wanted.current === null) return;
    focus(wanted.current);
    wanted.current = null;
  });
  const drawing = pen !== null;
  const drew = useRef(false);
  const chosen = useRef(selected);
  chosen.current = selected;
  // The pen is in the hand from the first moment; afterwards the new zone is, or what began it.
  useEffect(() => {
    const part = drawing ? "pen" : (chosen.current ?? "");
    if (drawing) setCursor([0.5, 0.5]);
    if (drawing || drew.current) {
      const found = frame.current?.querySelector<HTMLElement>(`[data-part="${CSS.escape(part)}"]`);
      (found ?? document.querySelector<HTMLElement>("[data-draw]"))?.focus({ preventScroll: true });
    }
    drew.current = drawing;
  }, [drawing]);

  const pointOf = (event: PointerEvent): Point => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || box.width === 0 || box.height === 0) return [0, 0];
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const grab = (event: PointerEvent, next: Omit<Drag, "name">) => {
    drags += 1;
    drag.current = { ...next, name: `drag ${drags}` };
    setDragging(true);
    frame.current?.setPointerCapture(event.pointerId);
  };

  const down = (event: PointerEvent) => {
    if (event.button !== 0 || !event.isPrimary) return;
    const at = pointOf(event);
    if (pen) {
      event.preventDefault();
      if (pen.length >= MIN_CORNERS && cornerNear(pen, at, size, NEAR) === 0) return hands.finish();
      if (cornerNear(pen, at, size, 4) === pen.length - 1 && pen.length > 0) return;
      if (pen.length >= MAX_CORNERS) return hands.say(`A zone has at most ${MAX_CORNERS} corners.`);
      const corners = [...pen, inPicture(at)];
      grab(event, { what: "pen", zone: "", at: corners.length - 1, from: at, corners });
      hands.pen(corners, drag.current?.name ?? null);
      return;
    }
    const found = hit(zones, at);
    if (!found) return hands.select(null);
    if (found.zone_id === selected)
      grab(event, { what: "zone", zone: found.zone_id, at: 0, from: at, corners: found.polygon });
    hands.select(found.zone_id);
  };
  const move = (event: PointerEvent) => {
    const now = drag.current;
    if (!now) return;
    const at = pointOf(event);
    const by: Point = [at[0] - now.from[0], at[1] - now.from[1]];
    if (now.what === "zone") hands.shape(now.zone, shifted(now.corners, by), now.name);
    else {
      const [x, y] = now.corners[now.at] ?? at;
      const corners = moved(now.corners, now.at, [x + by[0], y + by[1]]);
      if (now.what === "pen") hands.pen(corners, now.name);
      else hands.shape(now.zone, corners, now.name);
    }
  };
  const up = () => {
    if (!drag.current) return;
    drag.current = null;
    setDragging(false);
    hands.rest();
  };
  // A drag that is broken off leaves everything as it was.
  useEffect(() => {
    if (!dragging) return;
    const press = (event: globalThis.KeyboardEvent) => {
      const now = drag.current;
      if (event.key !== "Escape" || !now) return;
      event.preventDefault();
      event.stopPropagation();
      if (now.what === "pen") hands.pen(now.corners.slice(0, -1), now.name);
      else hands.shape(now.zone, now.corners, now.name);
      drag.current = null;
      setDragging(false);
      hands.rest();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [dragging, hands]);

  const penKeys = (event: KeyboardEvent) => {
    if (!pen) return;
    const way = arrow(event);
    const { key } = event;
    if (way) {
      const to = inPicture([cursor[0] + way[0], cursor[1] + way[1]]);
      setCursor(to);
      hands.say(`Pen at ${placeWords(to)}`);
    } else if (key === " " || key === ".") {
      if (pen.length >= MAX_CORNERS) hands.say(`A zone has at most ${MAX_CORNERS} corners.`);
      else {
        hands.pen([...pen, cursor], null);
        hands.say(`Corner ${pen.length + 1} set at ${placeWords(cursor)}`);
      }
    } else if (key === "Enter") hands.finish();
    else if (key === "Escape") hands.pen(null, null);
    else if (key === "Backspace" || key === "Delete") {
      hands.pen(pen.slice(0, -1), null);
      hands.say(pen.length ? `Corner ${pen.length} removed` : "No corner is set");
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const zoneKeys = (zone: Sketch) => (event: KeyboardEvent) => {
    const way = arrow(event);
    if (way) {
      const corners = shifted(zone.polygon, way);
      hands.shape(zone.zone_id, corners, `shift ${zone.zone_id}`);
      hands.say(`Zone moved; its first corner is ${placeWords(corners[0] ?? [0, 0])}`);
    } else if (event.key === "Enter" || event.key === " ") {
      hands.select(zone.zone_id);
      if (!focus(`${zone.zone_id}/0`)) wanted.current = `${zone.zone_id}/0`;
    } else if (event.key === "Delete") hands.remove(zone.zone_id);
    else if (event.key === "Escape") hands.select(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const cornerKeys = (zone: Sketch, at: number) => (event: KeyboardEvent) => {
    const way = arrow(event);
    const id = zone.zone_id;
    if (way) {
      const [x, y] = zone.polygon[at] ?? [0, 0];
      const to = inPicture([x + way[0], y + way[1]]);
      hands.shape(id, moved(zone.polygon, at, to), `corner ${id} ${at}`);
      hands.say(`Corner ${at + 1}: ${placeWords(to)}`);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (zone.polygon.length <= MIN_CORNERS) hands.say(`A zone keeps ${MIN_CORNERS} corners.`);
      else {
        hands.shape(id, without(zone.polygon, at), null);
        hands.say(`Corner ${at + 1} removed; ${zone.polygon.length - 1} are left`);
        wanted.current = `${id}/${Math.min(at, zone.polygon.length - 2)}`;
      }
    } else if (event.key === "+" || event.key === "Insert") {
      if (zone.polygon.length >= MAX_CORNERS) hands.say(`A zone has at most ${MAX_CORNERS} corners.`);
      else {
        hands.shape(id, insert(zone.polygon, at), null);
        hands.say(`Corner added after corner ${at + 1}`);
        wanted.current = `${id}/${at + 1}`;
      }
    } else if (event.key === "Enter") {
      entered.current = null;
      hands.rest();
      hands.say("Done with its corners");
      focus(id);
    } else if (event.key === "Escape") {
      const before = entered.current;
      if (before?.zone === id && JSON.stringify(before.corners) !== JSON.stringify(zone.polygon)) {
        hands.shape(id, before.corners, null);
        hands.say("The zone is as it was before");
      }
      entered.current = null;
      focus(id);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const [width, height] = size;
  const path = (corners: readonly Point[]) => corners.map(([x, y]) => `${x * width},${y * height}`).join(" ");
  const spot = ([x, y]: Point) => ({ left: `${x * 100}%`, top: `${y * 100}%` });
  const current = zones.find((each) => each.zone_id === selected);
  // The chosen one lies on top.
  const ordered = [...zones].sort(
    (one, other) => Number(one.zone_id === selected) - Number(other.zone_id === selected),
  );

  return (
    <div
      ref={frame}
      className={`zones-frame${drawing ? " drawing" : ""}${dragging ? " dragging" : ""}`}
      style={{ aspectRatio: ratio }}
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
      onDoubleClick={() => drawing && hands.finish()}
      role="group"
      aria-label="Zones on the picture"
    >
      {picture ? (
        <img
          src={picture}
          alt="What the camera shows now"
          draggable={false}
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) =>
            naturalWidth && setRatio(`${naturalWidth} / ${naturalHeight}`)
          }
        />
      ) : (
        <p className="no-picture">{note ? `No picture: ${note}` : "Waiting for a picture…"}</p>
      )}
      <svg width={width} height={height} aria-hidden="true">
        {ordered.map((each) => (
          <g key={each.zone_id} className={`zone zone-${each.kind}${each.zone_id === selected ? " chosen" : ""}`}>
            <polygon points={path(each.polygon)} className="halo" />
            <polygon points={path(each.polygon)} fill={`url(#zone-${each.kind})`} className="outline" />
            <Crossed corners={each.polygon} size={size} />
          </g>
        ))}
        {ghosts.map((each) => (
          <polygon key={`ghost ${each.zone_id}`} points={path(each.polygon)} className="ghost" />
        ))}
        {pen && pen.length > 0 && (
          <g className="zone pen">
            <polyline points={path(pen)} className="halo" />
            <polyline points={path(pen)} className="outline" />
            {pen.length >= MIN_CORNERS && (
              <polyline points={path([pen.at(-1) ?? [0, 0], pen[0] ?? [0, 0]])} className="closing" />
            )}
            <Crossed corners={pen} size={size} open />
          </g>
        )}
      </svg>
      {!drawing &&
        zones.map((each, at) => {
          const now = presence.get(each.zone_id);
          const wrong = faults(each.polygon).length > 0;
          const state = now ? PRESENCE[now.state] : each.version === null ? "Not saved" : "No state yet";
          return (
            <div key={each.zone_id}>
              <button
                type="button"
                data-part={each.zone_id}
                className={`tag zone-${each.kind}${each.zone_id === selected ? " chosen" : ""}`}
                style={spot(centre(each.polygon))}
                aria-pressed={each.zone_id === selected}
                aria-label={`${[ZONE_KINDS[each.kind].name, each.register_id].filter(Boolean).join(" ")}, zone ${at + 1}, ${each.zone_id}: ${state}. ${each.polygon.length} corners${wrong ? ", its outline is wrong" : ""}`}
                onPointerDown={(event) => {
                  if (event.button !== 0 || !event.isPrimary) return;
                  event.stopPropagation();
                  hands.select(each.zone_id);
                  grab(event, { what: "zone", zone: each.zone_id, at: 0, from: pointOf(event), corners: each.polygon });
                }}
                onClick={() => hands.select(each.zone_id)}
                onKeyDown={zoneKeys(each)}
                onBlur={hands.rest}
              >
                {now ? <Swatch fill={now.state} /> : <span aria-hidden="true">{wrong ? "!" : "–"}</span>}
                <span className="words">
                  {ZONE_KINDS[each.kind].name}
                  {each.register_id && ` ${each.register_id}`}
                </span>
                <span className="short">{at + 1}</span>
              </button>
              {each === current &&
                each.polygon.map((corner, index) => (
                  <button
                    // biome-ignore lint/suspicious/noArrayIndexKey: a corner is its place in the outline
                    key={index}
                    type="button"
                    data-part={`${each.zone_id}/${index}`}
                    className="corner"
                    style={spot(corner)}
                    aria-label={`Corner ${index + 1} of ${each.polygon.length} of zone ${each.zone_id}: ${placeWords(corner)}`}
                    onPointerDown={(event) => {
                      if (event.button !== 0 || !event.isPrimary) return;
                      event.stopPropagation();
                      event.currentTarget.focus();
                      const from = pointOf(event);
                      grab(event, { what: "corner", zone: each.zone_id, at: index, from, corners: each.polygon });
                    }}
                    onFocus={() => {
                      if (entered.current?.zone !== each.zone_id)
                        entered.current = { zone: each.zone_id, corners: each.polygon };
                    }}
                    onBlur={hands.rest}
                    onKeyDown={cornerKeys(each, index)}
                  />
                ))}
              {each === current &&
                !dragging &&
                each.polygon.length < MAX_CORNERS &&
                each.polygon.map((corner, index) => {
                  const next = each.polygon[(index + 1) % each.polygon.length] ?? corner;
                  if (Math.hypot((corner[0] - next[0]) * width, (corner[1] - next[1]) * height) < 64) return null;
                  const middle = midway(each.polygon, index);
                  return (
                    <button
                      // biome-ignore lint/suspicious/noArrayIndexKey: an edge is its place in the outline
                      key={`edge ${index}`}
                      type="button"
                      tabIndex={-1}
                      className="edge"
                      style={spot(middle)}
                      title="Add a corner here"
                      aria-label={`Add a corner after corner ${index + 1} of zone ${each.zone_id}`}
                      onPointerDown={(event) => {
                        if (event.button !== 0 || !event.isPrimary) return;
                        event.stopPropagation();
                        const corners = insert(each.polygon, index);
                        grab(event, {
                          what: "corner",
                          zone: each.zone_id,
                          at: index + 1,
                          from: pointOf(event),
                          corners,
                        });
                        hands.shape(each.zone_id, corners, drag.current?.name ?? null);
                      }}
                    />
                  );
                })}
            </div>
          );
        })}
      {pen && (
        <>
          {pen.map((corner, index) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: a corner is its place in the outline
              key={index}
              className={`dot${index === 0 && pen.length >= MIN_CORNERS ? " first" : ""}`}
              style={spot(corner)}
            />
          ))}
          <button
            type="button"
            data-part="pen"
            className="cross"
            style={spot(cursor)}
            aria-label={`Pen at ${placeWords(cursor)}. Arrows move it, space sets a corner, Enter finishes, Escape cancels. ${pen.length} corners are set.`}
            onKeyDown={penKeys}
          />
        </>
      )}
    </div>
  );
}

// The edges that cross each other. An outline that is still open has no last edge.
function Crossed({ corners, size, open = false }: { corners: readonly Point[]; size: Point; open?: boolean }) {
  const [width, height] = size;
  const pairs = crossings(corners).filter((pair) => !open || !pair.includes(corners.length - 1));
  const bad = new Set(pairs.flat());
  return [...bad].map((edge) => {
    const [ax, ay] = corners[edge] ?? [0, 0];
    const [bx, by] = corners[(edge + 1) % corners.length] ?? [ax, ay];
    return <line key={edge} x1={ax * width} y1={ay * height} x2={bx * width} y2={by * height} className="crossed" />;
  });
}
