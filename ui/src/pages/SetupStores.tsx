// Stores: their names, clocks, money, and when their day ends.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { addStore, changed, changeStore, type SetStore, type StoreDraft, setStoresQuery } from "../api/setup";
import { hasFaults, storeFaults } from "../lib/setup";
import { clock, zoneName } from "../lib/time";
import { Dialog } from "../parts/setup/Dialog";
import { Field, Refused, TextField } from "../parts/setup/Field";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { type Column, Rows } from "../parts/setup/Rows";
import { fits, SetupPage, TextFilter } from "../parts/setup/SetupPage";
import { TimeZoneField } from "../parts/setup/TimeZoneField";
import { useTask } from "../parts/setup/useTask";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function SetupStores() {
  const query = useQuery(setStoresQuery);
  const { search, open, close } = useTask();
  const all = query.data ?? [];
  const shown = all.filter((each) => fits(search.q, each.store_id, each.name, each.tz));
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  const columns: Column<SetStore>[] = [
    {
      name: "Store",
      cell: (each) => (
        <>
          {each.name} <small>{each.store_id}</small>
        </>
      ),
    },
    {
      name: "Time now",
      cell: (each) => (
        <>
          <span className="number-text">
            {clock(now, each.tz)} {zoneName(now, each.tz)}
          </span>
          <small className="below">{each.tz}</small>
        </>
      ),
    },
    { name: "Currency", cell: (each) => each.currency },
    { name: "Day ends", cell: (each) => each.day_ends },
    { name: "Closes", cell: (each) => each.closes ?? <span className="quiet">not said</span> },
    { name: "Cameras", className: "number", cell: (each) => each.cameras },
    { name: "Registers", className: "number", cell: (each) => each.registers },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <div className="acts">
          <button
            type="button"
            className="button small"
            aria-label={`Edit ${each.name}`}
            onClick={() => open("edit", each.store_id)}
          >
            Edit
          </button>
          <button
            type="button"
            className="button small"
            aria-label={`History of ${each.name}`}
            onClick={() => open("history", each.store_id)}
          >
            History
          </button>
        </div>
      ),
    },
  ];
  const chosen = all.find((each) => each.store_id === search.id);
  return (
    <SetupPage
      title="Stores"
      actions={
        <>
          {all.length > 8 && <TextFilter label="Find a store" />}
          <button type="button" className="button primary" onClick={() => open("add")}>
            Add store
          </button>
        </>
      }
    >
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={4} height={48} label="Loading stores" />
      ) : all.length === 0 ? (
        <Empty title="No store yet">
          <p>Add the first. Its id is what its tills send, so look there before you write it.</p>
        </Empty>
      ) : shown.length === 0 ? (
        <Empty title="No store fits" />
      ) : (
        <Rows caption="Stores" columns={columns} rows={shown} id={(each) => each.store_id} />
      )}
      {search.do === "add" && <StoreSheet store={null} known={all} close={close} />}
      {search.do === "edit" && chosen && <StoreSheet key={chosen.store_id} store={chosen} known={all} close={close} />}
      {search.do === "history" && search.id && (
        <HistorySheet what="store" id={search.id} store={search.id} close={close} />
      )}
    </SetupPage>
  );
}

function StoreSheet({ store, known, close }: { store: SetStore | null; known: SetStore[]; close: () => void }) {
  const like = known[0];
  const [first] = useState<StoreDraft>(() =>
    store
      ? {
          store_id: store.store_id,
          name: store.name,
          tz: store.tz,
          currency: store.currency,
          day_ends: store.day_ends,
          closes: store.closes,
          version: store.version,
        }
      : {
          store_id: "",
          name: "",
          tz: like?.tz ?? "",
          currency: like?.currency ?? "",
          day_ends: like?.day_ends ?? "00:00",
          closes: like?.closes ?? null,
        },
  );
  const [form, setForm] = useState(first);
  const [tried, setTried] = useState(false);
  const set = (next: Partial<StoreDraft>) => setForm((old) => ({ ...old, ...next }));
  const faults = storeFaults(form, known, store === null);
  const shown = tried ? faults : {};
  const save = useMutation({
    mutationFn: () => (store ? changeStore(form) : addStore(form)),
    onSuccess: async () => {
      await changed();
      close();
    },
  });
  return (
    <Dialog
      title={store ? `Store ${store.name}` : "Add a store"}
      close={close}
      dirty={JSON.stringify(form) !== JSON.stringify(first)}
      submit={{
        name: store ? "Save" : "Add store",
        busy: save.isPending,
        act: () => {
          setTried(true);
          if (!hasFaults(faults)) save.mutate();
        },
      }}
    >
      <div className="fields two-wide">
        <TextField
          label="Id"
          value={form.store_id}
          disabled={store !== null}
          change={(store_id) => set({ store_id })}
          hint={store ? "An id cannot be changed." : "As its tills send it. Stays for ever."}
          fault={shown.store_id}
          focus={store === null}
        />
        <TextField
          label="Name"
          value={form.name}
          change={(name) => set({ name })}
          hint="What people read."
          fault={shown.name}
        />
      </div>
      <TimeZoneField
        value={form.tz}
        used={known.map((each) => each.tz)}
        change={(tz) => set({ tz })}
        fault={shown.tz}
      />
      {store && form.tz !== store.tz && (
        <p className="warn">
          Times of this store are shown in the new zone from now on, older ones too. Records keep the instant that they
          were read with.
        </p>
      )}
      <div className="fields">
        <Field label="Currency" fault={shown.currency}>
          {(given) => (
            <>
              <input
                {...given}
                list="currencies"
                maxLength={3}
                autoComplete="off"
                value={form.currency}
                onChange={(event) => set({ currency: event.target.value.toUpperCase() })}
              />
              <Currencies />
            </>
          )}
        </Field>
        <TextField
          label="Business day ends"
          placeholder="04:00"
          value={form.day_ends}
          change={(day_ends) => set({ day_ends })}
          hint="What is sold before belongs to the day before."
          fault={shown.day_ends}
        />
        <TextField
          label="Closes"
          placeholder="21:30"
          value={form.closes ?? ""}
          change={(closes) => set({ closes: closes || null })}
          hint="Its report goes out half an hour later. Empty: no report by itself."
          fault={shown.closes}
        />
      </div>
      <Refused error={save.error} />
    </Dialog>
  );
}

function Currencies() {
  const [all] = useState(() => {
    const names = new Intl.DisplayNames("en", { type: "currency" });
    return Intl.supportedValuesOf("currency").map((code) => [code, names.of(code) ?? code] as const);
  });
  return (
    <datalist id="currencies">
      {all.map(([code, name]) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </datalist>
  );
}
