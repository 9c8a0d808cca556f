// Asks what a rule would have said: which rule, over which days of which stores, with which numbers, beside what.
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type AskableRule, askBacktest, type Backtest } from "../../api/backtest";
import { currencyFor, numberHint, numberName } from "../../lib/adjustment";
import { AGAINST, backtestDraft, backtestFaults, type BacktestForm as Form } from "../../lib/backtest";
import { hasFaults } from "../../lib/setup";
import { useStores } from "../session";
import { Field, Refused, SelectField, TextField } from "../setup/Field";
import { StorePicker } from "../setup/StorePicker";

type Props = { first: Form; rules: readonly AskableRule[]; today: string; asked: (of: Backtest) => void };

export function BacktestForm({ first, rules, today, asked }: Props) {
  const { stores } = useStores();
  const [form, setForm] = useState(first);
  const [pressed, setPressed] = useState(false);
  const set = (next: Partial<Form>) => setForm((old) => ({ ...old, ...next }));
  const rule = rules.find((each) => each.id === form.rule);
  const faults = backtestFaults(form, rule);
  const shown = pressed ? faults : {};
  const work = useMutation({ mutationFn: () => askBacktest(backtestDraft(form, rule)), onSuccess: asked });
  return (
    <form
      className="card ask-past"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setPressed(true);
        if (!hasFaults(faults) && !work.isPending) work.mutate();
      }}
    >
      <SelectField
        label="Rule"
        value={form.rule}
        change={(chosen) => set({ rule: chosen, numbers: {} })}
        options={[
          ["", "Choose a rule"],
          ...rules.map((each) => [each.id, each.on ? each.name : `${each.name} (off)`] as const),
        ]}
        hint={rule?.description}
        fault={shown.rule}
      />
      <div className="fields">
        <Field label="First day" fault={shown.from}>
          {(given) => (
            <input
              {...given}
              type="date"
              value={form.from}
              max={today}
              onChange={(event) => set({ from: event.target.value })}
            />
          )}
        </Field>
        <Field label="Last day" fault={shown.to}>
          {(given) => (
            <input
              {...given}
              type="date"
              value={form.to}
              max={today}
              onChange={(event) => set({ to: event.target.value })}
            />
          )}
        </Field>
        <SelectField
          label="Compare with"
          value={form.against}
          change={(against) => set({ against: against === "library" ? "library" : "live" })}
          options={AGAINST}
        />
      </div>
      {stores.length > 1 && (
        <StorePicker
          stores={stores}
          chosen={form.stores}
          change={(chosen) => set({ stores: chosen })}
          all="Every store"
          fault={shown.stores}
        />
      )}
      {rule && rule.params.length > 0 && (
        <fieldset>
          <legend>Its numbers</legend>
          <div className="fields">
            {rule.params.map((param) => (
              <TextField
                key={param.name}
                label={param.unit ? `${numberName(param.name)} (${param.unit})` : numberName(param.name)}
                value={form.numbers[param.name] ?? param.value}
                change={(value) => set({ numbers: { ...form.numbers, [param.name]: value } })}
                hint={numberHint(param, currencyFor(stores))}
              />
            ))}
          </div>
          {shown.numbers && (
            <p className="fault" role="alert">
              ✕ {shown.numbers}
            </p>
          )}
        </fieldset>
      )}
      <p className="line">
        <button type="submit" className="button primary" disabled={work.isPending}>
          Run the back-test
        </button>
        <small className="quiet">
          One runs at a time, apart from everything else. What is tried here changes nothing.
        </small>
      </p>
      <Refused error={work.error} />
    </form>
  );
}
