// What can be done with all that is selected.
import { useRef, useState } from "react";
import type { Disposition } from "../api/types";
import { useKeys } from "../lib/keys";
import { DISPOSITIONS } from "../lib/words";
import { Key } from "./bits";

type Props = {
  items: number;
  alerts: number;
  busy: boolean;
  decide: (disposition: Disposition, note: string) => void;
  give: () => void;
  addToCase: () => void;
  clear: () => void;
};

export function BulkBar({ items, alerts, busy, decide, give, addToCase, clear }: Props) {
  const [note, setNote] = useState("");
  const box = useRef<HTMLInputElement>(null);
  const act = (disposition: Disposition) => {
    if (busy) return;
    decide(disposition, note);
    setNote("");
  };
  useKeys({
    ...Object.fromEntries(
      DISPOSITIONS.map((each) => [each.key, (event: KeyboardEvent) => event.repeat || act(each.code)]),
    ),
    n: () => box.current?.focus(),
    Escape: clear,
  });
  return (
    <section className="card bulk" aria-label="What is selected">
      <p>
        <b>{items === 1 ? "1 item" : `${items} items`}</b>
        {alerts !== items && ` (${alerts} alerts)`}
      </p>
      <div className="choices">
        {DISPOSITIONS.map((each) => (
          <button
            type="button"
            key={each.code}
            className="button small"
            disabled={busy}
            title={`${each.help} (${each.key})`}
            onClick={() => act(each.code)}
          >
            <Key>{each.key}</Key> {each.name}
          </button>
        ))}
      </div>
      <label className="note">
        <span className="hidden">Note, kept with each decision</span>
        <input
          ref={box}
          type="text"
          value={note}
          placeholder="Note, kept with each decision (n)"
          autoComplete="off"
          onChange={(event) => setNote(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
          }}
        />
      </label>
      <div className="choices">
        <button type="button" className="button small" disabled={busy} onClick={give} title="Give to somebody (a)">
          <Key>a</Key> Give to
        </button>
        <button type="button" className="button small" disabled={busy} onClick={addToCase} title="Add to a case (e)">
          <Key>e</Key> Case
        </button>
        <button type="button" className="button small" onClick={clear} title="Select nothing (Esc)">
          Clear
        </button>
      </div>
    </section>
  );
}
