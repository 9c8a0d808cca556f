// A lane that is a way into free playback: a click opens that instant, a key where the camera's recording begins.
import { Link, useNavigate } from "@tanstack/react-router";
import { type MouseEvent, type ReactNode, useState } from "react";
import { instant, type Scale } from "../lib/scale";
import { time } from "../lib/time";
import type { Span } from "./Lane";

type Props = {
  store: string;
  camera: string;
  name: string;
  axis: Scale;
  zone: string;
  // On the one lane of a camera that is reached by keyboard.
  recording?: Span[];
  children: ReactNode;
};

export function ToInstant({ store, camera, name, axis, zone, recording, children }: Props) {
  const navigate = useNavigate();
  const [hover, setHover] = useState<number | null>(null);
  const at = (event: MouseEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.round(instant(axis, (event.clientX - box.left) / box.width));
  };
  const begin = recording?.find((each) => each.fill === "recorded")?.start;
  const search = (when: number) => ({ store, cameras: camera, at: new Date(when).toISOString(), zoom: "3600" });
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: for the hand only; for keys there is the link in it
    // biome-ignore lint/a11y/useKeyWithClickEvents: as above
    <div
      className="to-instant"
      title={hover === null ? undefined : `Watch ${time(new Date(hover), zone)}`}
      onMouseMove={(event) => setHover(Math.round(at(event) / 1000) * 1000)}
      onMouseLeave={() => setHover(null)}
      onClick={(event) => void navigate({ to: "/watch", search: search(at(event)) })}
    >
      {children}
      {begin !== undefined && (
        <Link
          className="from-begin"
          to="/watch"
          search={search(Math.ceil(begin))}
          onClick={(event) => event.stopPropagation()}
        >
          Watch {name} from {time(new Date(begin), zone)}
        </Link>
      )}
    </div>
  );
}
