// What a store's manager says of an alert: explained, or to be looked at. It decides nothing, and can be said anew.
import { useId, useRef, useState } from "react";
import { reason, say } from "../api/decide";
import type { Remark, Review } from "../api/types";
import { useKeys } from "../lib/keys";
import { lastRemark, REMARKS, type Remarked } from "../lib/remark";
import { DispositionMark, Key, StoreTime } from "./bits";
import { useMe } from "./session";

type Props = {
  alert: string;
  // What was said of it before.
  said: Review[];
  zone: string;
  // Whether it is alone on its page, so that it has the keys.
  keys?: boolean;
};

export function Say({ alert, said, zone, keys = false }: Props) {
  const me = useMe();
  const id = useId();
  const [note, setNote] = useState("");
  const [failed, setFailed] = useState("");
  // Shown until the server tells of something newer than `after`.
  const [own, setOwn] = useState<{ remark: Remarked; after: string | undefined } | null>(null);
  const busy = useRef(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const told = lastRemark(said, alert);
  const last = own && own.after === told?.review_id ? own.remark : told;

  const act = async (disposition: Remark) => {
    if (busy.current) return;
    busy.current = true;
    setFailed("");
    try {
      await say(alert, disposition, note);
      const at = new Date().toISOString();
      const by = { alert_id: alert, alert_revision: 0, reviewer: me.name, note: note.trim() || null };
      setOwn({ remark: { ...by, review_id: at, disposition, reviewed_at: at }, after: told?.review_id });
      setNote("");
    } catch (error) {
      setFailed(reason(error));
    }
    busy.current = false;
  };
  const key = (code: Remark) => (event: KeyboardEvent) => event.repeat || void act(code);
  useKeys(
    { ...Object.fromEntries(REMARKS.map((each) => [each.key, key(each.code)])), n: () => box.current?.focus() },
    keys,
  );
  return (
    <div className="say">
      <div role="status">
        {last && (
          <p>
            <DispositionMark disposition={last.disposition} /> {last.reviewer},{" "}
            <StoreTime at={last.reviewed_at} zone={zone} form="brief" />
            {last.note && <span className="note-said"> “{last.note}”</span>}
          </p>
        )}
      </div>
      <label className="note" htmlFor={id}>
        <span className="hidden">Note for loss prevention</span>
        <textarea
          id={id}
          ref={box}
          rows={1}
          maxLength={4000}
          value={note}
          placeholder={`Note for loss prevention${keys ? " (n)" : ""}`}
          onChange={(event) => setNote(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </label>
      <div className="choices">
        {REMARKS.map((each) => (
          <button
            type="button"
            key={each.code}
            className={`button ${each.code}`}
            aria-pressed={last?.disposition === each.code}
            title={keys ? `${each.help} (${each.key})` : each.help}
            onClick={() => void act(each.code)}
          >
            {keys && <Key>{each.key}</Key>} {each.name}
          </button>
        ))}
      </div>
      <p className="wrong" role="alert">
        {failed}
      </p>
    </div>
  );
}
