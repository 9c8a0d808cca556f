// Registers: those that have sent records are here by themselves; here they get a name and a kind.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { changeRegister, type SetRegister, setRegistersQuery } from "../api/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { SelectField, TextField } from "../parts/setup/Field";
import { FormSheet, useForm } from "../parts/setup/FormSheet";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import type { Column } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

const KINDS: Record<NonNullable<SetRegister["kind"]>, string> = {
  staffed: "Staffed till",
  self_checkout: "Self-checkout",
  service: "Service desk",
};

export default function SetupRegisters() {
  const { search, open, close } = useTask();
  const { stores, store: storeOf, zone } = useStores();
  // When a register last spoke is looked up for one store at a time.
  const store = search.store ?? stores[0]?.id;
  const query = useQuery({ ...setRegistersQuery(store), enabled: store !== undefined });
  const all = query.data ?? [];
  const shown = all.filter((each) => fits(search.q, each.register_id, each.name));
  const columns: Column<SetRegister>[] = [
    {
      name: "Register",
      cell: (each) => (
        <>
          {each.name ?? each.register_id} {each.name && <small>{each.register_id}</small>}
          {stores.length > 1 && <small className="below">{storeOf(each.store_id)?.name ?? each.store_id}</small>}
        </>
      ),
    },
    { name: "Kind", cell: (each) => (each.kind ? KINDS[each.kind] : <span className="quiet">not said</span>) },
    {
      name: "Last record",
      cell: (each) =>
        each.last_record_at ? (
          <>
            <StoreTime at={each.last_record_at} zone={zone(each.store_id)} form="brief" />
            {each.first_seen && (
              <small className="below">
                first <StoreTime at={each.first_seen} zone={zone(each.store_id)} form="brief" />
              </small>
            )}
          </>
        ) : (
          <span className="warn">none yet</span>
        ),
    },
    {
      name: "Zones",
      cell: (each) =>
        each.zones.length ? (
          <span className="meta">
            {each.zones.map((id) => (
              <Chip key={id}>{id}</Chip>
            ))}
          </span>
        ) : (
          <span className="warn">no camera sees it</span>
        ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <Acts
          of={`register ${each.register_id}`}
          acts={[
            ["Edit", () => open("edit", each.register_id, each.store_id)],
            ["History", () => open("history", each.register_id, each.store_id)],
          ]}
        />
      ),
    },
  ];
  const chosen = all.find((each) => each.register_id === search.id && each.store_id === search.of);
  return (
    <SetupPage
      title="Registers"
      about="A register is here as soon as it has sent a record or a zone names it."
      actions={
        <>
          <StoreFilter one={store} />
          {all.length > 8 && <TextFilter label="Find a register" />}
        </>
      }
    >
      <Listed
        one="register"
        many="Registers"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => `${each.store_id}/${each.register_id}`}
        none={
          <Empty title="No register has sent anything yet">
            <p>
              <Link to="/feeds">Feeds</Link> says what arrives, and why something does not.
            </p>
          </Empty>
        }
      />
      {search.do === "edit" && chosen && (
        <RegisterSheet key={`${chosen.store_id}/${chosen.register_id}`} register={chosen} close={close} />
      )}
      {search.do === "history" && search.id && (
        <HistorySheet what="register" id={search.id} store={search.of} close={close} />
      )}
    </SetupPage>
  );
}

function RegisterSheet({ register, close }: { register: SetRegister; close: () => void }) {
  const { form, set, dirty } = useForm(() => ({ name: register.name ?? "", kind: register.kind ?? "" }));
  const [version] = useState(register.version);
  return (
    <FormSheet
      title={`Register ${register.register_id}`}
      verb="Save"
      close={close}
      dirty={dirty}
      save={() =>
        changeRegister(register.store_id, register.register_id, {
          name: form.name.trim() || null,
          kind: (form.kind || null) as SetRegister["kind"],
          version,
        })
      }
    >
      <div className="fields two-wide">
        <TextField
          label="Name"
          value={form.name}
          change={(name) => set({ name })}
          placeholder={register.register_id}
          focus
        />
        <SelectField
          label="Kind"
          value={form.kind}
          change={(kind) => set({ kind: kind as typeof form.kind })}
          options={[["", "Not said"], ...Object.entries(KINDS)]}
        />
      </div>
    </FormSheet>
  );
}
