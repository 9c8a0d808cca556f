// Did everything arrive? The numbers of a store's business day, register by register: what is missing between the first and
// the last, what came twice, what was corrected or set aside.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Completeness, completenessQuery, type RegisterArrivals } from "../../api/integrator";
import { spansWords } from "../../lib/feeds";
import { day as dayOf } from "../../lib/time";
import { StoreTime } from "../bits";
import { useStores } from "../session";
import { Failed, Skeleton } from "../states";

export function Arrived({ store: chosen, integrator }: { store?: string; integrator?: string }) {
  const { stores, store: storeOf } = useStores();
  const [picked, setPicked] = useState("");
  const store = chosen ? storeOf(chosen) : stores.length === 1 ? stores[0] : undefined;
  const today = dayOf(new Date(), store?.tz ?? "UTC");
  const day = picked || today;
  const query = useQuery({ ...completenessQuery(store?.id ?? "", day, integrator), enabled: store !== undefined });
  return (
    <section className="feed card arrived" aria-labelledby="arrived">
      <header className="line">
        <h2 id="arrived">Did everything arrive?</h2>
        {store && (
          <label className="choice">
            <span className="hidden">Business day</span>
            <input type="date" value={day} max={today} onChange={(event) => setPicked(event.target.value)} />
          </label>
        )}
      </header>
      {!store && <p className="quiet">Choose a store above to see which numbers of a day are missing.</p>}
      {store && query.isError && <Failed error={query.error} retry={() => query.refetch()} />}
      {store && query.isPending && <Skeleton rows={2} height={24} label="Loading what arrived" />}
      {query.data && store && <Told told={query.data} zone={store.tz} />}
    </section>
  );
}

function Told({ told, zone }: { told: Completeness; zone: string }) {
  const missing = told.registers.reduce((sum, each) => sum + each.missing, 0);
  return (
    <>
      {told.problems.map((each) => (
        <p key={each} className="problems">
          {each}
        </p>
      ))}
      <p role="status">
        {told.registers.length === 0 ? (
          "No record of that day has come."
        ) : missing === 0 ? (
          <>No number is missing between the first and the last of each register.</>
        ) : (
          <b className="bad">
            {missing.toLocaleString("en-US")} {missing === 1 ? "number is" : "numbers are"} missing.
          </b>
        )}
        {!!told.quarantined && (
          <b className="bad">
            {" "}
            {told.quarantined.toLocaleString("en-US")} set aside that name no register of the store.
          </b>
        )}
      </p>
      {told.registers.length > 0 && (
        <div className="rows">
          <table>
            <caption className="hidden">What arrived on {told.day}</caption>
            <thead>
              <tr>
                <th scope="col">Register</th>
                <th scope="col">Numbers</th>
                <th scope="col">Missing</th>
                <th scope="col" className="number">
                  Records
                </th>
                <th scope="col" className="number">
                  Corrected
                </th>
                <th scope="col" className="number">
                  Repeated
                </th>
                <th scope="col" className="number">
                  Set aside
                </th>
              </tr>
            </thead>
            <tbody>
              {told.registers.map((each) => (
                <Row key={`${each.integrator_id} ${each.register_id}`} of={each} zone={zone} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p className="quiet">
        What is missing before the first and after the last number shows only in the till’s own journal. Repeated and
        set aside count by the day of receipt.
      </p>
    </>
  );
}

function Row({ of, zone }: { of: RegisterArrivals; zone: string }) {
  const count = (value: number | null) => (value === null ? "not known" : value.toLocaleString("en-US"));
  return (
    <tr>
      <th scope="row">
        {of.register_id} <small>{of.integrator_id}</small>
      </th>
      <td data-label="Numbers">
        <span>
          {of.first_no === null ? "none" : `${of.first_no} to ${of.last_no}`}
          {of.first_at && of.last_at && (
            <small className="below">
              <StoreTime at={of.first_at} zone={zone} form="brief" /> to{" "}
              <StoreTime at={of.last_at} zone={zone} form="brief" />
            </small>
          )}
        </span>
      </td>
      <td data-label="Missing">
        <span>
          {of.missing === 0 ? "none" : <b className="bad">{of.missing.toLocaleString("en-US")}</b>}
          {of.gaps.length > 0 && <small className="below">{spansWords(of.gaps)}</small>}
          {of.shared.length > 0 && <small className="below warn">several records: {spansWords(of.shared)}</small>}
        </span>
      </td>
      <td data-label="Records" className="number">
        <span>
          {count(of.records)}
          {of.unnumbered > 0 && <small className="below">{count(of.unnumbered)} without a number</small>}
        </span>
      </td>
      <td data-label="Corrected" className="number">
        <span>{count(of.corrections)}</span>
      </td>
      <td data-label="Repeated" className="number">
        <span>{count(of.duplicates)}</span>
      </td>
      <td data-label="Set aside" className="number">
        <span className={of.quarantined ? "bad" : undefined}>{count(of.quarantined)}</span>
      </td>
    </tr>
  );
}
