// Help: the keys that somebody has, or a few words where there is no keyboard.
import { Fragment, useEffect, useRef } from "react";
import { helpOf } from "../lib/keys";
import { speaks, useMayReview, useMe } from "./session";
import { useMedia } from "./useMedia";

export function Help({ open, close }: { open: boolean; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const touch = useMedia("(pointer: coarse)");
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} className="help" onClose={close} aria-labelledby="help-title">
      <header>
        <h2 id="help-title">{touch ? "Help" : "Keys"}</h2>
        <button type="button" className="button small" onClick={close}>
          Close
        </button>
      </header>
      {touch ? <Words /> : <KeyList />}
    </dialog>
  );
}

function KeyList() {
  const { role } = useMe();
  return (
    <>
      <div className="columns">
        {helpOf(role).map((group) => (
          <section key={group.where}>
            <h3>{group.where}</h3>
            <dl>
              {group.keys.map(([keys, what]) => (
                <Fragment key={keys}>
                  <dt>
                    <kbd>{keys}</kbd>
                  </dt>
                  <dd>{what}</dd>
                </Fragment>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p className="quiet">
        Keys are off while you type in a box. All times are the store's own; hover over one to see it in UTC and in your
        zone.
      </p>
    </>
  );
}

function Words() {
  const me = useMe();
  const decides = useMayReview();
  return (
    <div className="said-short">
      <p>
        <b>Report</b> is one day of a store: how it went, what to look at, and what could not be seen.
      </p>
      <p>
        <b>Alerts</b> are what the rules found. Press one for its video, its receipt and the reason.
      </p>
      {speaks(me) && (
        <p>
          <b>Explained</b> and <b>Look at it</b> tell loss prevention what you know of an alert. They decide nothing,
          and you can change what you said.
        </p>
      )}
      {decides && (
        <p>
          <b>Decide</b> with the buttons under the video. Undo takes the last decision back.
        </p>
      )}
      <p className="quiet">All times are the store's own.</p>
    </div>
  );
}
