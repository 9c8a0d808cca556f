// Registers: those that have sent records are here by themselves; here they get a name and a kind.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { changed, changeRegister, type SetRegister, setRegistersQuery } from "../api/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { Refused, SelectField, TextField } from "../parts/setup/Field";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { type Column, Rows } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty, Failed, Skeleton } from "../parts/states";

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
        <div className="acts">
          <button
            type="button"
            className="button small"
            aria-label={`Edit register ${each.register_id}`}
            onClick={() => open("edit", each.register_id, each.store_id)}
          >
            Edit
          </button>
          <button
            type="button"
            className="button small"
            aria-label={`History of register ${each.register_id}`}
            onClick={() => open("history", each.register_id, each.store_id)}
          >
            History
          </button>
        </div>
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
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={4} height={48} label="Loading registers" />
      ) : shown.length === 0 ? (
        <Empty title={all.length ? "No register fits" : "No register has sent anything yet"}>
          {all.length === 0 && <p>The page “Feeds” says what arrives, and why something does not.</p>}
        </Empty>
      ) : (
        <Rows
          caption="Registers"
          columns={columns}
          rows={shown}
          id={(each) => `${each.store_id}/${each.register_id}`}
        />
      )}
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
  const [name, setName] = useState(register.name ?? "");
  const [kind, setKind] = useState<string>(register.kind ?? "");
  const [version] = useState(register.version);
  const save = useMutation({
    mutationFn: () =>
      changeRegister(register.store_id, register.register_id, {
        name: name.trim() || null,
        kind: (kind || null) as SetRegister["kind"],
        version,
      }),
    onSuccess: async () => {
      await changed();
      close();
    },
  });
  return (
    <Dialog
      title={`Register ${register.register_id}`}
      close={close}
      dirty={name !== (register.name ?? "") || kind !== (register.kind ?? "")}
      submit={{ name: "Save", act: () => save.mutate(), busy: save.isPending }}
    >
      <div className="fields two-wide">
        <TextField label="Name" value={name} change={setName} placeholder={register.register_id} focus />
        <SelectField
          label="Kind"
          value={kind}
          change={setKind}
          options={[["", "Not said"], ...Object.entries(KINDS)]}
        />
      </div>
      <Refused error={save.error} />
    </Dialog>
  );
}
