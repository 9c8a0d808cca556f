// The picture with boxes and zones on it, and the controls. The video is an ordinary MP4 whose time 0 is `starts_at`.
import { type RefObject, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Look, Video, Zone } from "../api/types";
import { free, take } from "../lib/ahead";
import { type Deck, nearestAt, SPEEDS } from "../lib/deck";
import { clockTenths, zoneName } from "../lib/time";
import { gapWords, words } from "../lib/words";
import { useDeck } from "./useDeck";

type Props = {
  deck: Deck;
  video: Video;
  zone: string;
  zones: Zone[];
  boxes: Look[];
  overlay: boolean;
  setOverlay: (on: boolean) => void;
  screen: RefObject<HTMLDivElement | null>;
};

export function Player({ deck, video, zone, zones, boxes, overlay, setOverlay, screen }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [ratio, setRatio] = useState(16 / 9);
  const failed = useDeck(deck, (each) => each.failed);
  const { play_url, camera_name } = video;

  // The element is not React's: it may have been loaded ahead, with its first picture ready.
  useLayoutEffect(() => {
    if (!play_url || !place.current) return;
    const element = take(play_url, (deck.now - deck.from) / 1000);
    element.setAttribute("aria-label", `Video of ${camera_name ?? "the camera"}`);
    const sized = () => {
      if (element.videoWidth > 0 && element.videoHeight > 0) setRatio(element.videoWidth / element.videoHeight);
    };
    const press = () => deck.toggle();
    element.addEventListener("loadedmetadata", sized);
    element.addEventListener("click", press);
    sized();
    const detach = deck.attach(element);
    place.current.prepend(element);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!still) void element.play().catch(() => undefined);
    return () => {
      detach();
      element.removeEventListener("loadedmetadata", sized);
      element.removeEventListener("click", press);
      element.remove();
      free(element);
    };
  }, [deck, play_url, camera_name]);

  return (
    <div className="player">
      <div className="screen" ref={screen}>
        {video.play_url ? (
          <div className="picture" ref={place} style={{ aspectRatio: ratio }}>
            {overlay && <Zones zones={zones} />}
            {overlay && <Boxes deck={deck} boxes={boxes} />}
            <GapNote deck={deck} video={video} />
            {failed && (
              <div className="over" role="alert">
                <p>
                  <b>No picture.</b> {failed}
                </p>
                {video.clip_url && (
                  <a className="button small" href={video.clip_url} download>
                    Save the clip
                  </a>
                )}
              </div>
            )}
          </div>
        ) : (
          <NoVideo note={video.note} />
        )}
      </div>
      {video.play_url && (
        <Controls deck={deck} zone={zone} video={video} overlay={overlay} setOverlay={setOverlay} screen={screen} />
      )}
    </div>
  );
}

export function NoVideo({ note }: { note: string | null }) {
  return (
    <div className="no-video">
      <p>
        <b>No video</b>
      </p>
      <p>{note ?? "No camera recorded this time, and no reason was noted."}</p>
    </div>
  );
}

function Zones({ zones }: { zones: Zone[] }) {
  return (
    <div className="overlay" aria-hidden="true">
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" role="presentation">
        {zones.map((each) => (
          <polygon
            key={each.id}
            className={`zone ${each.kind}`}
            points={each.polygon.map((at) => at.join(",")).join(" ")}
          />
        ))}
      </svg>
      {zones.map((each) => {
        const left = Math.min(...each.polygon.map(([x]) => x));
        const top = Math.min(...each.polygon.map(([, y]) => y));
        return (
          <span key={each.id} className="label zone" style={{ left: `${left * 100}%`, top: `${top * 100}%` }}>
            {words(each.kind)} zone
          </span>
        );
      })}
    </div>
  );
}

function Boxes({ deck, boxes }: { deck: Deck; boxes: Look[] }) {
  const instants = useMemo(() => boxes.map((each) => Date.parse(each.at)), [boxes]);
  const index = useDeck(deck, (each) => nearestAt(instants, each.now, 700));
  const look = boxes[index];
  if (!look) return null;
  return (
    <div className="overlay" aria-hidden="true">
      {look.boxes.map((box, at) => (
        <div
          key={box.track_id ?? `-${at}`}
          className="box"
          style={{
            left: `${box.left / 100}%`,
            top: `${box.top / 100}%`,
            width: `${(box.right - box.left) / 100}%`,
            height: `${(box.bottom - box.top) / 100}%`,
          }}
        >
          <span className="label">
            {box.label} {Math.round(box.score_milli / 10)} %
          </span>
        </div>
      ))}
    </div>
  );
}

function GapNote({ deck, video }: { deck: Deck; video: Video }) {
  const at = useDeck(deck, (each) =>
    video.gaps.findIndex((gap) => Date.parse(gap.start_at) <= each.now && each.now < Date.parse(gap.end_at)),
  );
  const gap = video.gaps[at];
  if (!gap) return null;
  return (
    <div className="over gap">
      <p>
        <b>Not recorded:</b> {gapWords(gap.reason)}
      </p>
    </div>
  );
}

function Controls({ deck, zone, video, overlay, setOverlay, screen }: Omit<Props, "zones" | "boxes">) {
  const playing = useDeck(deck, (each) => each.playing);
  const speed = useDeck(deck, (each) => each.speed);
  const muted = useDeck(deck, (each) => each.muted);
  return (
    <div className="controls" role="toolbar" aria-label="Video">
      <Button label={playing ? "Pause" : "Play"} hint="Space" act={() => deck.toggle()} wide>
        {playing ? "M7 5h3v14H7ZM14 5h3v14h-3Z" : "M7 4l13 8-13 8Z"}
      </Button>
      <Button label="One frame back" hint="," act={() => deck.step(-1)}>
        M14 6l-6 6 6 6ZM17 6h2v12h-2Z
      </Button>
      <Button label="One frame forward" hint="." act={() => deck.step(1)}>
        M10 6l6 6-6 6ZM5 6h2v12H5Z
      </Button>
      <Now deck={deck} zone={zone} />
      <span className="fill" />
      <button
        type="button"
        className="button small"
        title="Go to the event (h)"
        onClick={() => deck.seek(Date.parse(video.event_at))}
      >
        Event
      </button>
      <label className="speed" title="Speed (- and +)">
        <span className="hidden">Speed</span>
        <select value={speed} onChange={(event) => deck.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="button small toggle"
        aria-pressed={overlay}
        title="Boxes and zones on the picture (b)"
        onClick={() => setOverlay(!overlay)}
      >
        Boxes
      </button>
      <Button label={muted ? "Sound on" : "Sound off"} hint="m" act={() => deck.mute()}>
        {muted
          ? "M4 9h4l5-4v14l-5-4H4ZM16.5 9.5l1-1 5 5-1 1ZM21.5 8.5l1 1-5 5-1-1Z"
          : "M4 9h4l5-4v14l-5-4H4ZM16 8.5a5 5 0 0 1 0 7v-1.8a3 3 0 0 0 0-3.4Z"}
      </Button>
      <Button label="Full screen" hint="f" act={() => fullScreen(screen.current)}>
        M4 4h6v2H6v4H4ZM20 4v6h-2V6h-4V4ZM4 20v-6h2v4h4v2ZM20 20h-6v-2h4v-4h2Z
      </Button>
      {video.clip_url && (
        <a className="icon" href={video.clip_url} download title="Save the exact clip">
          <span className="hidden">Save the exact clip</span>
          <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
            <path d="M11 3h2v9h4l-5 5-5-5h4ZM4 19h16v2H4Z" fill="currentColor" />
          </svg>
        </a>
      )}
    </div>
  );
}

export function fullScreen(element: HTMLElement | null): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void element?.requestFullscreen?.().catch(() => undefined);
}

function Now({ deck, zone }: { deck: Deck; zone: string }) {
  const text = useDeck(deck, (each) => clockTenths(new Date(each.now), zone));
  return (
    <span className="now" title="By the camera's clock, in the store's zone">
      {text} <small>{zoneName(new Date(deck.from), zone)}</small>
    </span>
  );
}

export function Button(props: {
  label: string;
  hint: string;
  act: () => void;
  children: string | string[];
  wide?: boolean;
}) {
  return (
    <button
      type="button"
      className={props.wide ? "icon main" : "icon"}
      aria-label={props.label}
      title={`${props.label} (${props.hint})`}
      onClick={props.act}
    >
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
        <path d={String(props.children)} fill="currentColor" />
      </svg>
    </button>
  );
}
