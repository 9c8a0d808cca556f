// Operators: who rings. Reports show an alias where there is one; who signs in here as well gets their own reports routed.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { changed, changeOperator, type SetOperator, setOperatorsQuery, setUsersQuery } from "../api/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { Refused, SelectField, TextField } from "../parts/setup/Field";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { type Column, Rows } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty, Failed, Skeleton } from "../parts/states";

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
        <div className="acts">
          <button
            type="button"
            className="button small"
            aria-label={`Edit operator ${each.operator_id}`}
            onClick={() => open("edit", each.operator_id, each.store_id ?? undefined)}
          >
            Edit
          </button>
          <button
            type="button"
            className="button small"
            aria-label={`History of operator ${each.operator_id}`}
            onClick={() => open("history", each.operator_id, each.store_id ?? undefined)}
          >
            History
          </button>
        </div>
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
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={4} height={48} label="Loading operators" />
      ) : shown.length === 0 ? (
        <Empty title={all.length ? "No operator fits" : "Nobody has rung anything yet"} />
      ) : (
        <Rows
          caption="Operators"
          columns={columns}
          rows={shown}
          id={(each) => `${each.store_id}/${each.operator_id}`}
          dim={(each) => !each.active}
        />
      )}
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
  const [first] = useState({ alias: operator.alias ?? "", user: operator.user ?? "", active: operator.active });
  const [form, setForm] = useState(first);
  const [version] = useState(operator.version);
  const save = useMutation({
    mutationFn: () =>
      changeOperator(operator.operator_id, {
        alias: form.alias.trim() || null,
        user: form.user || null,
        active: form.active,
        version,
      }),
    onSuccess: async () => {
      await changed();
      close();
    },
  });
  const names = new Set([...(users.data ?? []).map((each) => each.name), ...(form.user ? [form.user] : [])]);
  return (
    <Dialog
      title={`Operator ${operator.operator_id}`}
      close={close}
      dirty={JSON.stringify(form) !== JSON.stringify(first)}
      submit={{ name: "Save", act: () => save.mutate(), busy: save.isPending }}
    >
      <div className="fields two-wide">
        <TextField
          label="Reports show"
          value={form.alias}
          change={(alias) => setForm({ ...form, alias })}
          placeholder={operator.operator_id}
          hint="An alias instead of the id, for example “Cashier 12”."
          focus
        />
        <SelectField
          label="Signs in as"
          value={form.user}
          change={(user) => setForm({ ...form, user })}
          options={[["", "Nobody"], ...[...names].map((each) => [each, each] as const)]}
          hint="Who gets reports does not get the lines that are about themselves."
        />
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={form.active}
          onChange={(event) => setForm({ ...form, active: event.target.checked })}
        />{" "}
        Active: rings in the store
      </label>
      <Refused error={save.error} />
    </Dialog>
  );
}
