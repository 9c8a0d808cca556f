// A password or token that is shown once.
import { useRef, useState } from "react";

export function Secret({ name, value }: { name: string; value: string }) {
  const box = useRef<HTMLInputElement>(null);
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setSaid("Copied.");
    } catch {
      // Without TLS the browser has no clipboard for pages.
      box.current?.focus();
      box.current?.select();
      setSaid("It is selected: press Ctrl+C (⌘C) to copy it.");
    }
  };
  return (
    <div className="secret card">
      <label>
        <b>{name}</b>
        <input ref={box} readOnly value={value} onFocus={(event) => event.target.select()} spellCheck={false} />
      </label>
      <button type="button" className="button primary" onClick={() => void copy()}>
        Copy
      </button>
      <p role="status">{said}</p>
      <p className="warn">
        <b>It is shown only now</b> and is not kept anywhere. If it is lost, make a new one.
      </p>
    </div>
  );
}
