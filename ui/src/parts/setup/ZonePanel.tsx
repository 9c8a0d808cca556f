// Beside the picture: the zones as a list with what is seen in them, and what the chosen one is.
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { type PresenceNow, type SetZone, setRegistersQuery, type ZoneKind } from "../../api/setup";
import { isName, NAME_RULE } from "../../lib/csv";
import { freeName, type Sketch } from "../../lib/drawing";
import { area, faults, MIN_CORNERS, moved, type Point, without } from "../../lib/polygon";
import { ZONE_KINDS } from "../../lib/setup";
import { ago } from "../../lib/time";
import { presenceWords } from "../../lib/words";
import { StoreTime } from "../bits";
import { Swatch } from "../Patterns";
import { Field, TextField } from "./Field";
import { KindSwatch } from "./ZonePatterns";

type ListProps = {
  zones: Sketch[];
  base: SetZone[];
  selected: string | null;
  presence: Map<string, PresenceNow>;
  zone: string;
  select: (id: string | null) => void;
  // What the chosen one is, below it.
  form: ReactNode;
};

export function ZoneList({ zones, base, selected, presence, zone, select, form }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  // Beside the picture, not below it: there the hand would lose the picture.
  useEffect(() => {
    if (selected === null || !matchMedia("(min-width: 1001px)").matches) return;
    const item = list.current?.querySelector('[aria-expanded="true"]')?.parentElement;
    const side = item?.closest(".side");
    if (!item || !side) return;
    const [outer, inner] = [side.getBoundingClientRect(), item.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) side.scrollTop += inner.top - outer.top - 8;
  }, [selected]);
  return (
    <ul className="zone-list" ref={list}>
      {zones.map((each, at) => {
        const now = presence.get(each.zone_id);
        const known = base.find((saved) => saved.zone_id === each.zone_id);
        const wrong = faults(each.polygon)[0];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the id is typed here, and whoever types keeps the field
          <li key={at}>
            <button
              type="button"
              aria-expanded={each.zone_id === selected}
              onClick={() => select(each.zone_id === selected ? null : each.zone_id)}
              className={each.zone_id === selected ? "chosen" : ""}
            >
              <span className="number">{at + 1}</span>
              <KindSwatch kind={each.kind} />
              <span className="what">
                <b>{ZONE_KINDS[each.kind].name}</b> {each.register_id && <>register {each.register_id}</>}
                <small>{each.zone_id}</small>
              </span>
              <span className="seen">
                {now && known ? (
                  <>
                    <span>
                      <Swatch fill={now.state} /> {presenceWords(now.state, now.why)}
                    </span>
                    {now.since && (
                      <small>
                        since <StoreTime at={now.since} zone={zone} form="brief" />, {ago(now.since, new Date())}
                      </small>
                    )}
                  </>
                ) : (
                  <small>{known ? "No state yet" : "Not saved"}</small>
                )}
              </span>
              {wrong && <span className="fault">✕ {wrong}</span>}
            </button>
            {each.zone_id === selected && form}
          </li>
        );
      })}
    </ul>
  );
}

type FormProps = {
  sketch: Sketch;
  fresh: boolean;
  base: SetZone | undefined;
  store: string;
  camera: string;
  zone: string;
  taken: string[];
  change: (zone: string, next: Partial<Sketch>) => void;
  rename: (zone: string, name: string) => void;
  shape: (zone: string, corners: Point[], name: string | null) => void;
  remove: (zone: string) => void;
  history: (zone: string) => void;
};

export function ZoneForm(props: FormProps) {
  const { sketch, fresh, base, store, camera, zone, taken, change, rename, shape, remove, history } = props;
  const registers = useQuery(setRegistersQuery(store));
  const list = useId();
  const id = sketch.zone_id;
  // A zone that was not named by hand is named by what it is.
  const kindChosen = (kind: ZoneKind) => {
    const next: Partial<Sketch> = { kind };
    if (kind === "exit") next.register_id = null;
    change(id, next);
    if (fresh && /-(customer|cashier|bagging|drawer|exit)(-\d+)?$/.test(id) && kind !== sketch.kind) {
      const others = taken.filter((each) => each !== id);
      rename(id, freeName(others, camera, kind));
    }
  };
  return (
    <section className="card zone-form" aria-label={`Zone ${id}`}>
      <fieldset className="kinds">
        <legend>What it is for</legend>
        {(Object.keys(ZONE_KINDS) as ZoneKind[]).map((kind) => (
          <label key={kind} className={kind === sketch.kind ? "chosen" : ""} title={ZONE_KINDS[kind].help}>
            <input
              type="radio"
              name="kind"
              className="hidden"
              checked={kind === sketch.kind}
              onChange={() => kindChosen(kind)}
            />
            <KindSwatch kind={kind} /> {ZONE_KINDS[kind].name}
          </label>
        ))}
      </fieldset>
      <p className="quiet">{ZONE_KINDS[sketch.kind].help}.</p>
      {sketch.kind !== "exit" && (
        <Field
          label="Register"
          hint={
            sketch.register_id === null
              ? "Without one, no rule about a register can use it."
              : registers.data && !registers.data.some((each) => each.register_id === sketch.register_id)
                ? "This register has sent no record yet."
                : undefined
          }
          fault={sketch.register_id !== null && !isName(sketch.register_id) ? `Use ${NAME_RULE}.` : null}
        >
          {(given) => (
            <>
              <input
                {...given}
                list={list}
                value={sketch.register_id ?? ""}
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => change(id, { register_id: event.target.value.trim() || null })}
              />
              <datalist id={list}>
                {(registers.data ?? []).map((each) => (
                  <option key={each.register_id} value={each.register_id}>
                    {each.name ?? each.register_id}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
      )}
      {fresh && <IdField id={id} taken={taken} rename={(name) => rename(id, name)} />}
      <p>
        Covers {(area(sketch.polygon) * 100).toFixed(1)} % of the picture, {sketch.polygon.length} corners.
      </p>
      {faults(sketch.polygon).map((each) => (
        <p key={each} className="bad" role="alert">
          ✕ {each}
        </p>
      ))}
      <details className="corners">
        <summary>Corners as numbers</summary>
        <ol>
          {sketch.polygon.map((corner, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a corner is its place in the outline
            <li key={at}>
              <span className="number">{at + 1}</span>
              {(["left", "top"] as const).map((side, axis) => (
                <label key={side}>
                  <span className="hidden">
                    Corner {at + 1}, % from the {side}
                  </span>
                  <input
                    type="number"
                    min={0}
                    max={100}
                    step={0.1}
                    value={Math.round((corner[axis] ?? 0) * 10_000) / 100}
                    onChange={(event) => {
                      const value = event.target.valueAsNumber / 100;
                      if (Number.isNaN(value)) return;
                      const to: Point = axis === 0 ? [value, corner[1]] : [corner[0], value];
                      shape(id, moved(sketch.polygon, at, to), `number ${id} ${at} ${side}`);
                    }}
                  />
                  <small aria-hidden="true">% {side === "left" ? "→" : "↓"}</small>
                </label>
              ))}
              <button
                type="button"
                className="icon"
                aria-label={`Remove corner ${at + 1}`}
                disabled={sketch.polygon.length <= MIN_CORNERS}
                onClick={() => shape(id, without(sketch.polygon, at), null)}
              >
                ×
              </button>
            </li>
          ))}
        </ol>
      </details>
      {base && (
        <p className="quiet">
          <small>
            Version {base.version}, since <StoreTime at={base.valid_from} zone={zone} form="brief" />, by{" "}
            {base.changed_by}
          </small>
        </p>
      )}
      <p className="line">
        <button type="button" className="button small" onClick={() => remove(id)}>
          Remove zone
        </button>
        {base && (
          <button type="button" className="button small" onClick={() => history(id)}>
            History
          </button>
        )}
      </p>
    </section>
  );
}

// What is typed becomes the id once it can be one: until then the zone keeps the last that could.
function IdField({ id, taken, rename }: { id: string; taken: string[]; rename: (name: string) => void }) {
  const [typed, setTyped] = useState(id);
  useEffect(() => setTyped(id), [id]);
  const used = typed !== id && taken.includes(typed);
  const cannot = used ? "There is a zone of that id" : isName(typed) ? null : `Use ${NAME_RULE}`;
  return (
    <TextField
      label="Id"
      value={typed}
      change={(name) => {
        setTyped(name);
        if (isName(name) && !taken.includes(name)) rename(name);
      }}
      hint="Stays for ever: presence and alerts carry it."
      fault={cannot && `${cannot}; this one stays ${id}.`}
    />
  );
}
