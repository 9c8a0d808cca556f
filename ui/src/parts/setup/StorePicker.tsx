// Which stores: all, or some of them.
import { useState } from "react";
import type { Store } from "../../api/types";

type Props = {
  stores: readonly Pick<Store, "id" | "name">[];
  // Null is all of them.
  chosen: readonly string[] | null;
  change: (chosen: string[] | null) => void;
  // What all means; null where some must be named.
  all: string | null;
  fault?: string | null;
};

const MANY = 12;

export function StorePicker({ stores, chosen: given, change, all, fault }: Props) {
  const [q, setQ] = useState("");
  const open = all === null || given !== null;
  const chosen = given ?? [];
  const wanted = q.trim().toLowerCase();
  const shown = stores.filter((each) => `${each.id} ${each.name}`.toLowerCase().includes(wanted));
  const gone = chosen.filter((id) => !stores.some((each) => each.id === id));
  const toggle = (id: string) => change(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  return (
    <fieldset className="stores">
      <legend>Stores</legend>
      {all !== null && (
        <label className="check">
          <input type="checkbox" checked={!open} onChange={(event) => change(event.target.checked ? null : [])} /> {all}
        </label>
      )}
      {open && (
        <>
          {stores.length > MANY && (
            <input
              type="search"
              aria-label="Find a store"
              placeholder="Find a store"
              value={q}
              onChange={(event) => setQ(event.target.value)}
            />
          )}
          <div className="ticks">
            {shown.map((each) => (
              <label className="check" key={each.id}>
                <input type="checkbox" checked={chosen.includes(each.id)} onChange={() => toggle(each.id)} />{" "}
                {each.name} <small className="quiet">{each.id}</small>
              </label>
            ))}
            {gone.map((id) => (
              <label className="check" key={id}>
                <input type="checkbox" checked onChange={() => toggle(id)} /> {id}{" "}
                <small className="quiet">not there any more</small>
              </label>
            ))}
          </div>
        </>
      )}
      {fault && (
        <p className="fault" role="alert">
          ✕ {fault}
        </p>
      )}
    </fieldset>
  );
}
