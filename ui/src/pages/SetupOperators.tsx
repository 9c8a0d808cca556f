// Operators: who rings. Reports show an alias where there is one; who signs in here as well gets their own reports routed.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { changeOperator, type SetOperator, setOperatorsQuery, setUsersQuery } from "../api/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { SelectField, TextField } from "../parts/setup/Field";
import { FormSheet, useForm } from "../parts/setup/FormSheet";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import type { Column } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

export default function SetupOperators() {
  const { search, open, close } = useTask();
  const query = useQuery(setOperatorsQuery(search.store));
  const { stores, store: storeOf, zone } = useStores();
  const home = useHomeZone();
  const all = query.data ?? [];
  const shown = all.filter((each) => fits(search.q, each.operator_id, each.alias, each.user));
  const columns: Column<SetOperator>[] = [
    {
      name: "Operator",
      cell: (each) => (
        <>
          {each.operator_id}
          {stores.length > 1 && (
            <small className="below">
              {each.store_id ? (storeOf(each.store_id)?.name ?? each.store_id) : "any store"}
            </small>
          )}
        </>
      ),
    },
    { name: "Reports show", cell: (each) => each.alias ?? <span className="quiet">the id</span> },
    { name: "Signs in as", cell: (each) => each.user ?? <span className="quiet">nobody</span> },
    {
      name: "State",
      cell: (each) => <Chip tone={each.active ? "good" : ""}>{each.active ? "Active" : "Left"}</Chip>,
    },
    {
      name: "Last record",
      cell: (each) =>
        each.last_record_at ? (
          <StoreTime at={each.last_record_at} zone={each.store_id ? zone(each.store_id) : home} form="brief" />
        ) : (
          <span className="quiet">none yet</span>
        ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <Acts
          of={`operator ${each.operator_id}`}
          acts={[
            ["Edit", () => open("edit", each.operator_id, each.store_id ?? undefined)],
            ["History", () => open("history", each.operator_id, each.store_id ?? undefined)],
          ]}
        />
      ),
    },
  ];
  const chosen = all.find((each) => each.operator_id === search.id && (each.store_id ?? undefined) === search.of);
  return (
    <SetupPage
      title="Operators"
      about="Whoever rings is here by themselves, by the number that the till sends. Names of people are not needed."
      actions={
        <>
          <StoreFilter />
          {(all.length > 8 || search.q) && <TextFilter label="Find an operator" />}
        </>
      }
    >
      <Listed
        one="operator"
        many="Operators"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => `${each.store_id}/${each.operator_id}`}
        dim={(each) => !each.active}
        none={<Empty title="Nobody has rung anything yet" />}
      />
      {search.do === "edit" && chosen && (
        <OperatorSheet key={`${chosen.store_id}/${chosen.operator_id}`} operator={chosen} close={close} />
      )}
      {search.do === "history" && search.id && (
        <HistorySheet what="operator" id={search.id} store={search.of} close={close} />
      )}
    </SetupPage>
  );
}

function OperatorSheet({ operator, close }: { operator: SetOperator; close: () => void }) {
  const users = useQuery(setUsersQuery);
  const { form, set, dirty } = useForm(() => ({
    alias: operator.alias ?? "",
    user: operator.user ?? "",
    active: operator.active,
  }));
  const [version] = useState(operator.version);
  const names = new Set([...(users.data ?? []).map((each) => each.name), ...(form.user ? [form.user] : [])]);
  return (
    <FormSheet
      title={`Operator ${operator.operator_id}`}
      verb="Save"
      close={close}
      dirty={dirty}
      save={() =>
        changeOperator(operator.operator_id, {
          alias: form.alias.trim() || null,
          user: form.user || null,
          active: form.active,
          version,
        })
      }
    >
      <div className="fields two-wide">
        <TextField
          label="Reports show"
          value={form.alias}
          change={(alias) => set({ alias })}
          placeholder={operator.operator_id}
          hint="An alias instead of the id, for example “Cashier 12”."
          focus
        />
        <SelectField
          label="Signs in as"
          value={form.user}
          change={(user) => set({ user })}
          options={[["", "Nobody"], ...[...names].map((each) => [each, each] as const)]}
          hint="Who gets reports does not get the lines that are about themselves."
        />
      </div>
      <label className="check">
        <input type="checkbox" checked={form.active} onChange={(event) => set({ active: event.target.checked })} />{" "}
        Active: rings in the store
      </label>
    </FormSheet>
  );
}
