// Alerts that there would be, or would not be any more; those that there are can be opened.
import { Link } from "@tanstack/react-router";
import type { BacktestAlert, BacktestAlerts } from "../../api/backtest";
import { whyWords } from "../../lib/why";
import { DispositionMark, StoreTime } from "../bits";
import { useStores } from "../session";
import { type Column, Rows } from "../setup/Rows";
import { SAID } from "../Verdicts";

type Props = {
  title: string;
  of: BacktestAlerts;
  // What is said when there is none.
  none: string;
  // Which of both is said beside each.
  beside: "before" | "now" | null;
};

export function BacktestAlertRows({ title, of, none, beside }: Props) {
  const { store, zone } = useStores();
  const columns: Column<BacktestAlert>[] = [
    {
      name: "When",
      cell: (each) => {
        const at = <StoreTime at={each.event_time} zone={zone(each.store_id)} form="brief" />;
        return each.known ? (
          <Link to="/alerts/$alertId" params={{ alertId: each.alert_id }} search={{ state: "all" }}>
            {at}
          </Link>
        ) : (
          at
        );
      },
    },
    {
      name: "Where",
      cell: (each) => (
        <>
          {store(each.store_id)?.name ?? each.store_id}
          <small className="below">register {each.register_id}</small>
        </>
      ),
    },
    {
      name: "Why",
      cell: (each) => {
        const said = beside && each[beside];
        return (
          <>
            {each.words}
            {said && (
              <small className="below">
                {beside === "before" ? "Before" : "With this"} it {SAID[said.outcome]}: {whyWords(said.why)}
              </small>
            )}
            {beside && !said && (
              <small className="below">{beside === "before" ? "Before" : "With this"} it is not judged</small>
            )}
          </>
        );
      },
    },
    {
      name: "Decided",
      cell: (each) =>
        each.known ? <DispositionMark disposition={each.decided} /> : <span className="quiet">no alert yet</span>,
    },
  ];
  return (
    <section aria-label={title}>
      <h2>
        {title} <small>{of.count.toLocaleString("en-US")}</small>
      </h2>
      {of.count === 0 ? (
        <p className="quiet">{none}</p>
      ) : (
        <>
          <p className="quiet">
            {of.decided === 0
              ? "Nobody has decided about any of them."
              : `${of.confirmed} of ${of.decided} that were decided are confirmed.`}
          </p>
          <Rows caption={title} columns={columns} rows={of.items} id={(each) => each.alert_id} />
          {of.count > of.items.length && (
            <p className="quiet">
              The first {of.items.length.toLocaleString("en-US")} are listed; those that were confirmed are among them.
            </p>
          )}
        </>
      )}
    </section>
  );
}
