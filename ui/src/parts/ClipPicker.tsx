// Adds the video around an instant, of the cameras that are shown, to a case.
import { useState } from "react";
import type { Camera } from "../api/types";
import { time } from "../lib/time";
import { type Added, CasePicker, type Clip } from "./CasePicker";

// Half the length, in seconds.
const AROUND = [15, 30, 60, 300, 900];

type Props = {
  at: number;
  store: string;
  zone: string;
  cameras: Camera[];
  done: (added: Added) => void;
  close: () => void;
};

export function ClipPicker({ at, store, zone, cameras, done, close }: Props) {
  const [around, setAround] = useState(30);
  const [opened] = useState(() => Date.now());
  const from = at - around * 1000;
  // Only what has been recorded can be kept.
  const to = Math.min(at + around * 1000, opened - 2_000);
  const clips: Clip[] = cameras.map((each) => ({
    store_id: store,
    camera_id: each.id,
    from_at: new Date(from).toISOString(),
    to_at: new Date(to).toISOString(),
  }));
  return (
    <CasePicker things={{ alerts: [], receipts: [], clips }} done={done} close={close}>
      <p className="quiet">
        {cameras.map((each) => each.name).join(", ")}: {time(new Date(from), zone)} to {time(new Date(to), zone)}
      </p>
      <label className="line">
        How much around {time(new Date(at), zone)}
        <select value={around} onChange={(event) => setAround(Number(event.target.value))}>
          {AROUND.map((each) => (
            <option key={each} value={each}>
              ± {each < 60 ? `${each} s` : `${each / 60} min`}
            </option>
          ))}
        </select>
      </label>
    </CasePicker>
  );
}
