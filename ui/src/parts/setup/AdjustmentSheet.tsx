// Says something otherwise than a rule: what, where, why, and until when.

import type { Rule } from "../../api/rule";
import { addAdjustment } from "../../api/setup";
import {
  type AdjustmentFaults,
  type AdjustmentForm,
  adjustmentDraft,
  adjustmentFaults,
  currencyFor,
  KINDS,
  type Kind,
  LONGEST_DAYS,
  numberHint,
  numberName,
  today,
} from "../../lib/adjustment";
import { addDays } from "../../lib/time";
import { useStores } from "../session";
import { Field, SelectField, TextField } from "./Field";
import { FormSheet, useForm } from "./FormSheet";
import { useHomeZone } from "./SetupPage";

type Props = { rules: Rule[]; rule?: string; store?: string; close: () => void };

export function AdjustmentSheet({ rules, rule: first, store, close }: Props) {
  const { stores } = useStores();
  const home = useHomeZone();
  const { form, set, dirty } = useForm<AdjustmentForm>(() => ({
    kind: "numbers",
    store: store ?? (stores.length === 1 ? (stores[0]?.id ?? "") : ""),
    rule: first ?? "",
    numbers: {},
    register: "",
    operator: "",
    note: "",
    until: addDays(today(home), 90),
  }));
  const zone = stores.find((each) => each.id === form.store)?.tz ?? home;
  const rule = rules.find((each) => each.id === form.rule);
  return (
    <FormSheet<unknown, AdjustmentFaults>
      title="Say otherwise than the rules"
      verb="Let it hold"
      close={close}
      dirty={dirty}
      faults={adjustmentFaults(form, rule, today(zone))}
      save={() => addAdjustment(adjustmentDraft(form, rule, zone))}
    >
      {(shown) => (
        <>
          <div className="fields two-wide">
            <SelectField
              label="What"
              value={form.kind}
              change={(kind) => set({ kind: kind as Kind })}
              options={KINDS}
              hint={
                form.kind === "off"
                  ? "It judges nothing there until then."
                  : form.kind === "shadow"
                    ? "Its alerts are kept for who asks for them; nobody is told, and no video is held."
                    : undefined
              }
            />
            <SelectField
              label="Where"
              value={form.store}
              change={(chosen) => set({ store: chosen })}
              options={[["", "Every store"], ...stores.map((each) => [each.id, each.name] as const)]}
            />
          </div>
          <SelectField
            label="Rule"
            value={form.rule}
            change={(chosen) => set({ rule: chosen, numbers: {} })}
            options={[
              ["", form.kind === "out" ? "Every rule" : "Choose a rule"],
              ...rules.map((each) => [each.id, each.name] as const),
            ]}
            hint={rule?.description}
            fault={shown.rule}
          />
          {form.kind === "numbers" &&
            rule?.params.map((param) => (
              <TextField
                key={param.name}
                label={param.unit ? `${numberName(param.name)} (${param.unit})` : numberName(param.name)}
                value={form.numbers[param.name] ?? ""}
                change={(value) => set({ numbers: { ...form.numbers, [param.name]: value } })}
                placeholder={param.value}
                hint={numberHint(param, currencyFor(stores, form.store))}
              />
            ))}
          {shown.numbers && <p className="bad">{shown.numbers}</p>}
          {form.kind === "out" && (
            <div className="fields two-wide">
              <TextField
                label="Register"
                value={form.register}
                change={(register) => set({ register })}
                placeholder="any"
                fault={shown.who}
              />
              <TextField
                label="Operator"
                value={form.operator}
                change={(operator) => set({ operator })}
                placeholder="any"
                hint="Both: only that operator at that register."
              />
            </div>
          )}
          <div className="fields two-wide">
            <TextField
              label="Why"
              value={form.note}
              change={(note) => set({ note })}
              placeholder="Trains the new cashiers in December"
              fault={shown.note}
            />
            <Field label="Last day" hint="It ends with that day." fault={shown.until}>
              {(given) => (
                <input
                  {...given}
                  type="date"
                  value={form.until}
                  min={today(zone)}
                  max={addDays(today(zone), LONGEST_DAYS)}
                  onChange={(event) => set({ until: event.target.value })}
                />
              )}
            </Field>
          </div>
        </>
      )}
    </FormSheet>
  );
}
