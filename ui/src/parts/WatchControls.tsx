// Play, speed, frames and the live edge, for all cameras at once.
import type { RefObject } from "react";
import { SPEEDS } from "../lib/deck";
import { clockTenths, dayWords, zoneName } from "../lib/time";
import type { Wall } from "../lib/wall";
import { Button, fullScreen } from "./Player";
import { useClock, useWall } from "./useWall";

type Props = {
  wall: Wall;
  zone: string;
  screen: RefObject<HTMLDivElement | null>;
  live: () => void;
  keep?: () => void;
};

export function WatchControls({ wall, zone, screen, live, keep }: Props) {
  const { clock } = wall;
  const playing = useClock(clock, (each) => each.playing);
  const waiting = useClock(clock, (each) => each.playing && each.waiting);
  const speed = useClock(clock, (each) => each.speed);
  const atEdge = useClock(clock, (each) => each.live);
  return (
    <div className="controls" role="toolbar" aria-label="Video">
      <Button label={playing ? "Pause" : "Play"} hint="Space" act={() => clock.toggle()} wide>
        {playing ? "M7 5h3v14H7ZM14 5h3v14h-3Z" : "M7 4l13 8-13 8Z"}
      </Button>
      <Button label="5 seconds back" hint="←" act={() => clock.jump(-5)}>
        M12 6v12l-8-6ZM20 6v12l-8-6Z
      </Button>
      <Button label="One frame back" hint="," act={() => wall.step(-1)}>
        M14 6l-6 6 6 6ZM17 6h2v12h-2Z
      </Button>
      <Button label="One frame forward" hint="." act={() => wall.step(1)}>
        M10 6l6 6-6 6ZM5 6h2v12H5Z
      </Button>
      <Button label="5 seconds forward" hint="→" act={() => clock.jump(5)}>
        M4 6l8 6-8 6ZM12 6l8 6-8 6Z
      </Button>
      <Now wall={wall} zone={zone} />
      {waiting && <span className="quiet">loading</span>}
      <span className="fill" />
      <button
        type="button"
        className="button small toggle live-edge"
        aria-pressed={atEdge}
        title="To the newest picture (l)"
        onClick={live}
      >
        <i aria-hidden="true" /> Live<span className="word"> edge</span>
      </button>
      {keep && (
        <button
          type="button"
          className="button small"
          title="Add the video around this moment to a case (e)"
          onClick={keep}
        >
          Case
        </button>
      )}
      <label className="speed" title="Speed (< and >)">
        <span className="hidden">Speed</span>
        <select value={speed} onChange={(event) => clock.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
      </label>
      <Button label="Full screen" hint="f" act={() => fullScreen(screen.current)}>
        M4 4h6v2H6v4H4ZM20 4v6h-2V6h-4V4ZM4 20v-6h2v4h4v2ZM20 20h-6v-2h4v-4h2Z
      </Button>
    </div>
  );
}

function Now({ wall, zone }: { wall: Wall; zone: string }) {
  const tenth = useWall(wall, (each) => Math.floor(each.shown / 100));
  const at = new Date(tenth * 100);
  return (
    <span className="now" title="By the cameras' clock, in the store's zone">
      {clockTenths(at, zone)}{" "}
      <small>
        {zoneName(at, zone)}, {dayWords(at, zone)}
      </small>
    </span>
  );
}
