// Stores: their names, clocks, money, and when their day ends.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { addStore, changeStore, type SetStore, type StoreDraft, setStoresQuery } from "../api/setup";
import { storeFaults } from "../lib/setup";
import { clock, zoneName } from "../lib/time";
import { Field, TextField } from "../parts/setup/Field";
import { FormSheet, useForm } from "../parts/setup/FormSheet";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import type { Column } from "../parts/setup/Rows";
import { fits, SetupPage, TextFilter } from "../parts/setup/SetupPage";
import { TimeZoneField } from "../parts/setup/TimeZoneField";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

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
    { name: "Closes", cell: (each) => each.closes ?? <span className="quiet">when its day ends</span> },
    { name: "Cameras", className: "number", cell: (each) => each.cameras },
    { name: "Registers", className: "number", cell: (each) => each.registers },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <Acts
          of={each.name}
          acts={[
            ["Edit", () => open("edit", each.store_id)],
            ["History", () => open("history", each.store_id)],
          ]}
        />
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
      <Listed
        one="store"
        many="Stores"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => each.store_id}
        none={
          <Empty title="No store yet">
            <p>Add the first. Its id is what its tills send, so look there before you write it.</p>
          </Empty>
        }
      />
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
  const { form, set, dirty } = useForm<StoreDraft>(() =>
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
  return (
    <FormSheet
      title={store ? `Store ${store.name}` : "Add a store"}
      verb={store ? "Save" : "Add store"}
      close={close}
      dirty={dirty}
      faults={storeFaults(form, known, store === null)}
      save={() => (store ? changeStore(form) : addStore(form))}
    >
      {(shown) => (
        <>
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
              Times of this store are shown in the new zone from now on, older ones too. Records keep the instant that
              they were read with.
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
              hint="Its report goes out half an hour later. Empty: when its business day ends."
              fault={shown.closes}
            />
          </div>
        </>
      )}
    </FormSheet>
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
