// A dialog over the page. What was written in it is not lost by a stray Escape.
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";

type Props = {
  title: ReactNode;
  close: () => void;
  wide?: boolean;
  // Whether closing would lose something.
  dirty?: boolean;
  // When it is a form: what its button says and does.
  submit?: { name: string; act: () => void; busy?: boolean; disabled?: boolean; tone?: "danger" };
  foot?: ReactNode;
  children: ReactNode;
};

export function Dialog({ title, close, wide, dirty, submit, foot, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element && !element.open) {
      element.showModal();
      // What is to be written first, else the text; never the cross that closes it.
      const first =
        element.querySelector<HTMLElement>("[data-first]:not(:disabled)") ??
        element.querySelector<HTMLElement>(".body :is(input, select, textarea):not(:disabled)") ??
        element.querySelector<HTMLElement>("footer button");
      first?.focus();
    }
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.getElementById("main")?.focus();
    };
  }, []);
  const leave = () => {
    if (dirty && !asked) setAsked(true);
    else close();
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!submit || submit.busy || submit.disabled) return;
    submit.act();
  };
  return (
    <dialog
      ref={dialog}
      className={`sheet${wide ? " wide" : ""}`}
      aria-labelledby={name}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        leave();
      }}
      onKeyDown={(event) => {
        // The browser closes on a second Escape without asking.
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        leave();
      }}
    >
      <form onSubmit={send} noValidate>
        <header>
          <h2 id={name}>{title}</h2>
          <button type="button" className="icon" aria-label="Close" title="Close (Esc)" onClick={leave}>
            ×
          </button>
        </header>
        <div className="body">{children}</div>
        <footer>
          {asked && dirty ? (
            <div className="ask" role="alert">
              <span>What you wrote here is not saved.</span>
              <button type="button" className="button danger" onClick={close}>
                Discard it
              </button>
              <button type="button" className="button" onClick={() => setAsked(false)}>
                Go on
              </button>
            </div>
          ) : (
            <>
              {foot}
              <span className="fill" />
              <button type="button" className="button" onClick={leave}>
                {submit ? "Cancel" : "Close"}
              </button>
              {submit && (
                <button
                  type="submit"
                  className={`button ${submit.tone === "danger" ? "danger" : "primary"}`}
                  disabled={submit.busy || submit.disabled}
                >
                  {submit.busy ? "One moment…" : submit.name}
                </button>
              )}
            </>
          )}
        </footer>
      </form>
    </dialog>
  );
}
