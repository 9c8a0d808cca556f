// The picture of a moment under the pointer on the timeline, before anybody goes there.
import { useEffect, useMemo, useState } from "react";
import { Stills } from "../lib/stills";

type Props = { store: string; camera: string; name: string; at: number | null; step: number; said: string };

export function Peek({ store, camera, name, at, step, said }: Props) {
  const [, draw] = useState(0);
  const stills = useMemo(() => new Stills(() => draw((count) => count + 1)), []);
  useEffect(() => () => stills.clear(), [stills]);
  if (at === null) {
    stills.rest();
    return null;
  }
  const picture = camera === "" ? { none: true as const } : stills.at(store, camera, Math.floor(at / step) * step);
  return (
    <div className="peek" aria-hidden="true">
      {picture && "url" in picture ? (
        <img src={picture.url} alt="" width="192" height="108" />
      ) : (
        <span className="blank">{picture ? "no picture" : ""}</span>
      )}
      <b>{name}</b>
      <span>{said}</span>
    </div>
  );
}
