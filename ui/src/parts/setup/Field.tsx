// A field of a form: its name, what it is for, and what is wrong with it.
import { type ReactNode, useId } from "react";
import { Problem } from "../../api/http";

type Given = { id: string; "aria-describedby": string | undefined; "aria-invalid": true | undefined };
type Props = { label: string; hint?: ReactNode; fault?: string | null; children: (given: Given) => ReactNode };

export function Field({ label, hint, fault, children }: Props) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", fault ? `${id}-fault` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": fault ? true : undefined })}
      {hint && (
        <small id={`${id}-hint`} className="quiet">
          {hint}
        </small>
      )}
      {fault && (
        <small id={`${id}-fault`} className="fault">
          <span aria-hidden="true">✕ </span>
          {fault}
        </small>
      )}
    </div>
  );
}

type TextProps = {
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: ReactNode;
  fault?: string | null;
  placeholder?: string;
  disabled?: boolean;
  type?: "text" | "password" | "email";
  list?: string;
  focus?: boolean;
};

// Names and addresses are not words: no capitals, no corrections.
export function TextField({ label, value, change, hint, fault, type = "text", focus, ...rest }: TextProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(given) => (
        <input
          {...given}
          {...rest}
          type={type}
          value={value}
          onChange={(event) => change(event.target.value)}
          autoComplete={type === "password" ? "new-password" : "off"}
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          data-first={focus || undefined}
        />
      )}
    </Field>
  );
}

type SelectProps = {
  label: string;
  value: string;
  change: (value: string) => void;
  options: readonly (readonly [value: string, name: string])[];
  hint?: ReactNode;
  fault?: string | null;
  disabled?: boolean;
};

export function SelectField({ label, value, change, options, hint, fault, disabled }: SelectProps) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(given) => (
        <select {...given} value={value} disabled={disabled} onChange={(event) => change(event.target.value)}>
          {options.map(([code, name]) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

// What the server refused, in the form that was sent. What was written stays.
export function Refused({ error, children }: { error: unknown; children?: ReactNode }) {
  if (!error) return null;
  const problem = error instanceof Problem ? error : new Problem(500, "This failed", String(error));
  const lines = problem.detail.split(/\n|; /).filter((each) => each.trim() !== "");
  return (
    <div className="state failed" role="alert">
      <h3>{problem.title}</h3>
      {lines.length > 1 ? (
        <ul className="bullets">
          {lines.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      ) : (
        problem.detail && <p>{problem.detail}</p>
      )}
      {children ?? (problem.status === 409 || problem.status === 422 ? null : <p className="quiet">{problem.cure}</p>)}
    </div>
  );
}

// Work that takes a while: what is done, for how long.
export function Working({ what, seconds, of }: { what: string; seconds: number; of?: number }) {
  return (
    <div className="working">
      <p>
        <span role="status">{what}</span> <small className="number">{seconds} s</small>
      </p>
      <progress aria-label={what} max={of} value={of === undefined ? undefined : Math.min(seconds, of)} />
    </div>
  );
}
