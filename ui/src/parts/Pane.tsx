// One camera of free playback: two video elements that take turns, the camera's name, and why there is no picture.
import { useEffect, useRef } from "react";
import type { Camera } from "../api/types";
import type { Reel } from "../lib/reel";
import { brief, clock, duration, zoneName } from "../lib/time";
import { type Kept, nearestRecording } from "../lib/watch";
import { gapWords } from "../lib/words";
import { useClock, useReel } from "./useWall";

type Props = { reel: Reel; camera: Camera | undefined; kept: Kept[]; zone: string };

export function Pane({ reel, camera, kept, zone }: Props) {
  const name = camera?.name ?? reel.camera;
  const first = useRef<HTMLVideoElement>(null);
  const second = useRef<HTMLVideoElement>(null);
  const active = useReel(reel, (each) => each.active);
  const look = useReel(reel, (each) => each.look);
  useEffect(() => {
    const stops = [first, second].map((each, at) => each.current && reel.attach(at as 0 | 1, each.current));
    return () => {
      for (const stop of stops) stop?.();
    };
  }, [reel]);
  const hidden = look.kind === "gap" || look.kind === "none" || look.kind === "failed";
  return (
    <figure className="pane" data-look={look.kind} data-camera={reel.camera}>
      <figcaption>{name}</figcaption>
      <div className="glass">
        {[first, second].map((each, at) => (
          <video
            key={at === 0 ? "first" : "second"}
            ref={each}
            className={at === active && !hidden ? "seen" : ""}
            muted
            playsInline
            preload="auto"
            aria-label={at === active ? `Video of ${name}` : undefined}
            aria-hidden={at !== active || hidden}
            tabIndex={-1}
            onClick={() => reel.clock.toggle()}
          />
        ))}
        {look.kind === "loading" && (
          <p className="wait" role="status">
            <span>Loading</span>
          </p>
        )}
        {look.kind === "gap" && (
          <div className="no-video">
            <p>
              <b>Not recorded:</b> {gapWords(look.reason)}
            </p>
            {look.until !== null && <Until reel={reel} until={look.until} zone={zone} />}
          </div>
        )}
        {look.kind === "none" && (
          <div className="no-video">
            <p>
              <b>No video.</b> {look.why ? "Looking up why." : "Nothing was to be recorded at this time."}
            </p>
            <Nearest reel={reel} camera={camera} kept={kept} zone={zone} />
          </div>
        )}
        {look.kind === "failed" && (
          <div className="no-video" role="alert">
            <p>
              <b>No picture.</b> {look.words}
            </p>
            <p>
              <button type="button" className="button small" onClick={() => reel.retry()}>
                Try again
              </button>
            </p>
          </div>
        )}
      </div>
    </figure>
  );
}

const instant = (at: string | null | undefined) => (at ? Date.parse(at) : null);

// Where there is a recording, as a way to get there.
function Nearest({ reel, camera, kept, zone }: Props) {
  const now = useClock(reel.clock, (each) => Math.floor(each.now / 1000) * 1000);
  const ends = { first: instant(camera?.recorded_from), last: instant(camera?.recorded_to) };
  const near = nearestRecording(kept, ends, now);
  if (!near) return null;
  return (
    <p>
      <button type="button" className="button small" onClick={() => reel.clock.seek(near.at)}>
        {near.words}: {brief(new Date(near.at), zone, new Date(now))}
      </button>
    </p>
  );
}

// Where the recording goes on, as a way to get there.
function Until({ reel, until, zone }: { reel: Reel; until: number; zone: string }) {
  const edge = reel.clock.edge();
  if (until > edge) return <p>It has not come back yet.</p>;
  const at = new Date(until);
  return (
    <p>
      <button type="button" className="button small" onClick={() => reel.clock.seek(until)}>
        Goes on at {clock(at, zone)} {zoneName(at, zone)}, in {duration(Math.max(1, (until - reel.clock.now) / 1000))}
      </button>
    </p>
  );
}
