// Who is in a case, and as what.
import { type FormEvent, useState } from "react";
import type { CaseDetail, CasePerson, PersonKind, PersonPart } from "../api/types";
import { words } from "../lib/words";
import type { Change } from "../pages/Case";
import { Chip } from "./bits";

const PARTS: PersonPart[] = ["subject", "witness", "reporter", "manager", "other"];
const KINDS: PersonKind[] = ["operator", "customer", "employee", "other"];

export function CasePeople({ detail, change }: { detail: CaseDetail; change: Change }) {
  const [adding, setAdding] = useState(false);
  return (
    <section className="card people" aria-labelledby="people-title">
      <h2 id="people-title">People</h2>
      {detail.people.length === 0 && <p className="quiet">Nobody is named yet.</p>}
      <ul className="plain">
        {detail.people.map((each) => (
          <li key={each.person_id} className="line">
            <Chip>{words(each.role)}</Chip>
            <span>
              {nameOf(each)}
              {each.note && <small className="quiet"> {each.note}</small>}
            </span>
            <span className="fill" />
            <button
              type="button"
              className="button small"
              aria-label={`Remove ${nameOf(each)}`}
              onClick={() => void change("DELETE", `/people/${each.person_id}`)}
            >
              Remove
            </button>
          </li>
        ))}
      </ul>
      {adding ? (
        <AddPerson
          close={() => setAdding(false)}
          add={async (person) => {
            if (await change("POST", "/people", person)) setAdding(false);
          }}
        />
      ) : (
        <button type="button" className="button small" onClick={() => setAdding(true)}>
          Add a person
        </button>
      )}
    </section>
  );
}

function nameOf({ kind, operator_id, name }: CasePerson): string {
  const who = operator_id ? `Operator ${operator_id}` : words(kind);
  return name ? `${name} (${who.toLowerCase()})` : who;
}

type New = { role: PersonPart; kind: PersonKind; operator_id?: string; name?: string; note?: string };

function AddPerson({ add, close }: { add: (person: New) => Promise<void>; close: () => void }) {
  const [role, setRole] = useState<PersonPart>("subject");
  const [kind, setKind] = useState<PersonKind>("operator");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const said = (name: string) => String(form.get(name) ?? "").trim() || undefined;
    void add({ role, kind, operator_id: said("operator_id"), name: said("name"), note: said("note") });
  };
  return (
    <form className="add-person" onSubmit={submit} aria-label="Add a person">
      <div className="pair">
        <label>
          As
          {/* biome-ignore lint/a11y/noAutofocus: it was asked for just now */}
          <select autoFocus value={role} onChange={(event) => setRole(event.target.value as PersonPart)}>
            {PARTS.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Who is
          <select value={kind} onChange={(event) => setKind(event.target.value as PersonKind)}>
            {KINDS.map((each) => (
              <option key={each} value={each}>
                {words(each)}
              </option>
            ))}
          </select>
        </label>
        {kind === "operator" && (
          <label>
            Operator number
            <input name="operator_id" required autoComplete="off" />
          </label>
        )}
        <label>
          Name
          <input name="name" autoComplete="off" required={kind !== "operator" && kind !== "customer"} />
        </label>
      </div>
      <label>
        Note
        <input name="note" autoComplete="off" placeholder="What is known of this person" />
      </label>
      <div className="choices">
        <button type="submit" className="button primary">
          Add
        </button>
        <button type="button" className="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
