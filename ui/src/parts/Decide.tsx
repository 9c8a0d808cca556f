// The decision: about this alert or about the whole item, which is said before and can be changed by a key.
import { useRef, useState } from "react";
import type { AlertDetail, AlertSummary, Disposition } from "../api/types";
import { useKeys } from "../lib/keys";
import { sameReceipt } from "../lib/live";
import { DISPOSITIONS, isOpen } from "../lib/words";
import { DispositionMark, Key } from "./bits";
import { Say } from "./Say";
import { speaks, useMayReview, useMe, useStores } from "./session";
import { useDraft } from "./useDraft";

type Props = {
  detail: AlertDetail;
  // This alert, and what else of the item is to be decided.
  whole: AlertSummary[];
  decide: (alerts: AlertSummary[], disposition: Disposition, note: string) => Promise<void>;
  undo: () => void;
  canUndo: boolean;
};

export function Decide({ detail, whole, decide, undo, canUndo }: Props) {
  const may = useMayReview();
  const [note, setNote] = useDraft(detail.alert_id);
  // One key decides what has been looked at: all alerts of one receipt, but no other receipt of the item.
  const [alone, setAlone] = useState(!sameReceipt(whole));
  const busy = useRef(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const many = whole.length > 1;
  const alerts = many && !alone ? whole : [detail];
  const act = async (disposition: Disposition) => {
    if (busy.current) return;
    busy.current = true;
    await decide(alerts, disposition, note);
    busy.current = false;
  };
  // A key that is held down decides once.
  const key = (code: Disposition) => (event: KeyboardEvent) => event.repeat || void act(code);
  const keys = Object.fromEntries(DISPOSITIONS.map((each) => [each.key, key(each.code)]));
  useKeys({ ...keys, i: () => many && setAlone(!alone), n: () => box.current?.focus(), u: undo }, may);
  const speaking = speaks(useMe());
  const { zone } = useStores();
  if (speaking && isOpen(detail.disposition)) {
    return (
      <section className="card decide" aria-labelledby="say-title">
        <h2 id="say-title">What do you know of it?</h2>
        <Say alert={detail.alert_id} said={detail.reviews} zone={zone(detail.store_id)} keys />
        <p className="quiet">Loss prevention reads it with your name, and decides.</p>
      </section>
    );
  }
  if (!may) {
    return (
      <section className="card decide">
        <h2>Decision</h2>
        <p>
          <DispositionMark disposition={detail.disposition} />
          {detail.reviewed_by ? ` by ${detail.reviewed_by}` : " Loss prevention decides about alerts."}
        </p>
      </section>
    );
  }
  return (
    <section className="card decide" aria-labelledby="decide-title">
      <h2 id="decide-title" className="hidden">
        Decision
      </h2>
      {many && (
        <div className="about-what" role="group" aria-label="What the decision is about">
          <button type="button" className="button small" aria-pressed={!alone} onClick={() => setAlone(false)}>
            {sameReceipt(whole) ? `All ${whole.length} of this receipt` : `All ${whole.length} of the item`}
          </button>
          <button type="button" className="button small" aria-pressed={alone} onClick={() => setAlone(true)}>
            This alert only
          </button>
          <span className="quiet">
            <Key>i</Key>{" "}
            {alone
              ? `${whole.length === 2 ? "the other one comes" : `the other ${whole.length - 1} come`} next`
              : "each gets the decision in its history"}
          </span>
        </div>
      )}
      <div className="choices">
        {DISPOSITIONS.map((each) => (
          <button
            type="button"
            key={each.code}
            className={`button ${each.code}`}
            aria-pressed={detail.disposition === each.code}
            title={`${each.help} (${each.key})`}
            onClick={() => void act(each.code)}
          >
            <Key>{each.key}</Key> {each.name}
          </button>
        ))}
        {canUndo && (
          <button type="button" className="button" onClick={undo} title="Undo the last decision (u)">
            <Key>u</Key> Undo
          </button>
        )}
      </div>
      <label className="note">
        <span className="hidden">Note, kept with the decision</span>
        <textarea
          ref={box}
          rows={1}
          value={note}
          placeholder="Note, kept with the decision (n)"
          onChange={(event) => setNote(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </label>
    </section>
  );
}
