// A small dialog in which one of many is chosen by typing: arrows move, Enter chooses, Escape closes.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";

export type Choice = { id: string; text: string; hint?: string };

type Props = {
  title: string;
  label: string;
  choices: Choice[];
  typed: string;
  setTyped: (text: string) => void;
  choose: (choice: Choice) => void;
  close: () => void;
  busy?: boolean;
  none: string;
  children?: ReactNode;
};

export function Picker(props: Props) {
  const { title, label, choices, typed, setTyped, choose, close, busy = false } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const box = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [at, setAt] = useState(0);
  const active = Math.min(at, choices.length - 1);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
    box.current?.focus();
  }, []);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <dialog ref={dialog} className="picker" onClose={close} aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        <button type="button" className="button small" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <label htmlFor={`${id}-box`}>{label}</label>
      <input
        id={`${id}-box`}
        type="text"
        role="combobox"
        aria-expanded={choices.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        ref={box}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          const chosen = choices[active];
          if (step) setAt(Math.min(choices.length - 1, Math.max(0, active + step)));
          else if (event.key === "Enter" && chosen && !busy) choose(chosen);
          else return;
          event.preventDefault();
        }}
      />
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={label} className="options">
        {choices.map((each, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the box has the keys of the list
          <div
            key={each.id}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            aria-disabled={busy}
            onClick={() => !busy && choose(each)}
          >
            <span>{each.text}</span>
            {each.hint && <small>{each.hint}</small>}
          </div>
        ))}
      </div>
      {choices.length === 0 && <p className="quiet">{props.none}</p>}
      <div role="status" className="said">
        {busy && "Saving…"}
      </div>
      {props.children}
    </dialog>
  );
}
