// One transaction, whether a rule fired on it or not: the same proof as on the review page, without the decision.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { transactionQuery } from "../api/queries";
import { useKeys } from "../lib/keys";
import { clockWords } from "../lib/tillclock";
import { money, words } from "../lib/words";
import { DispositionMark, Key, SeverityMark, StoreTime } from "../parts/bits";
import { CaseChips } from "../parts/CaseChips";
import { type Added, AddedTo, CasePicker } from "../parts/CasePicker";
import { Evidence } from "../parts/Evidence";
import { Journal } from "../parts/Journal";
import { Said } from "../parts/Said";
import { Save } from "../parts/Save";
import { useMayReview, useStores } from "../parts/session";
import { Failed, Skeleton } from "../parts/states";
import { Verdicts } from "../parts/Verdicts";

export default function TransactionPage() {
  const { eventId } = useParams({ from: "/transactions/$eventId" });
  const query = useQuery(transactionQuery(eventId));
  const { zone, store } = useStores();
  const may = useMayReview();
  const [adding, setAdding] = useState(false);
  const [added, setAdded] = useState<Added | null>(null);
  useKeys({ e: () => setAdding(true) }, may && query.data !== undefined);
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (!query.data) {
    return (
      <div className="review">
        <Skeleton rows={1} height={72} label="Loading the transaction" />
        <Skeleton rows={1} height={400} />
      </div>
    );
  }
  const { transaction, replaced_by, cases, alerts, verdicts, video, presence, boxes, zones } = query.data;
  const tz = zone(transaction.store_id);
  const clock =
    store(transaction.store_id)?.registers.find((each) => each.id === transaction.register_id)?.clock ?? null;
  return (
    <article className="review" aria-labelledby="transaction-title">
      <Said said={added ? <AddedTo added={added} /> : ""} failed={null} />
      {adding && (
        <CasePicker
          things={{ alerts: [], receipts: [eventId] }}
          close={() => setAdding(false)}
          done={(into) => {
            setAdding(false);
            setAdded(into);
            void query.refetch();
          }}
        />
      )}
      <header className="card head-of-alert">
        <h1 id="transaction-title">
          {words(transaction.kind)}
          <span className="amount"> {money(transaction.total_minor, transaction.currency)}</span>
        </h1>
        <p className="meta">
          <span>{store(transaction.store_id)?.name ?? `Store ${transaction.store_id}`}</span>
          <span>Register {transaction.register_id}</span>
          {transaction.operator_id && <span>Operator {transaction.operator_id}</span>}
          {transaction.supervisor_id && <span>Approved by {transaction.supervisor_id}</span>}
          <StoreTime at={transaction.event_time} zone={tz} form="full" />
          <span>
            <b>Clocks:</b> {clockWords(clock)}
          </span>
          <CaseChips cases={cases} />
          {may && (
            <button
              type="button"
              className="button small"
              title="Add the receipt to a case (e)"
              onClick={() => setAdding(true)}
            >
              Case <Key>e</Key>
            </button>
          )}
          <Save path={`/api/v1/transactions/${eventId}/evidence`} />
        </p>
        {replaced_by && (
          <p className="warn">
            Replaced by{" "}
            <Link to="/transactions/$eventId" params={{ eventId: replaced_by }}>
              a correction
            </Link>
            : this one does not count any more.
          </p>
        )}
        {transaction.replaces && (
          <p>
            A correction: it replaces{" "}
            <Link to="/transactions/$eventId" params={{ eventId: transaction.replaces }}>
              an earlier record
            </Link>
            .
          </p>
        )}
        {transaction.revision > 0 && <p>A correction: revision {transaction.revision} of this record.</p>}
      </header>
      <Evidence
        id={eventId}
        store={transaction.store_id}
        zone={tz}
        videos={video}
        transaction={transaction}
        related={[]}
        presence={presence}
        boxes={boxes}
        zones={zones}
        bound={clock ? clock.uncertainty_us / 1000 : null}
        aside={
          <>
            <section className="card" aria-labelledby="alerts-title">
              <h2 id="alerts-title">Alerts</h2>
              {alerts.length === 0 ? (
                <p className="quiet">No rule fired on this transaction.</p>
              ) : (
                <ul className="plain">
                  {alerts.map((each) => (
                    <li key={each.alert_id}>
                      <SeverityMark severity={each.severity} />{" "}
                      <Link to="/alerts/$alertId" params={{ alertId: each.alert_id }}>
                        {each.title}
                      </Link>{" "}
                      <DispositionMark disposition={each.disposition} />
                    </li>
                  ))}
                </ul>
              )}
            </section>
            <Verdicts verdicts={verdicts} />
          </>
        }
      />
      <Journal
        eventId={transaction.event_id}
        register={transaction.register_id}
        operator={transaction.operator_id}
        zone={tz}
      />
    </article>
  );
}
