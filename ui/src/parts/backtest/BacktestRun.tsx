// One back-test: how far it is and how to stop it, why nothing came out, or what did.
import { useMutation, useQuery } from "@tanstack/react-query";
import { type Backtest, backtestQuery, endBacktest, isOver } from "../../api/backtest";
import { dayName, stateWords, triedWords } from "../../lib/backtest";
import { useStores } from "../session";
import { Refused } from "../setup/Field";
import { Failed, Skeleton } from "../states";
import { BacktestResultShown } from "./BacktestResultShown";

export function BacktestRun({ id, named }: { id: string; named: (id: string) => string }) {
  const query = useQuery(backtestQuery(id));
  if (query.isError && !query.data) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (query.isPending) return <Skeleton rows={3} height={72} label="Loading the back-test" />;
  const { result, ...of } = query.data;
  return (
    <section className="past" aria-labelledby="run-title">
      <h2 id="run-title">{of.rules.map(named).join(", ")}</h2>
      <p className="quiet">
        <Where of={of} />. {triedWords(of)}.
      </p>
      {!isOver(of.state) && <UnderWay of={of} />}
      {(of.state === "failed" || of.state === "cancelled") && (
        <div className={of.state === "failed" ? "state failed" : "state"} role="status">
          <h3>{of.state === "failed" ? "It did not come to its end" : "It was cancelled"}</h3>
          {of.problem && <p>{of.problem}</p>}
        </div>
      )}
      {result && <BacktestResultShown of={result} named={named} />}
    </section>
  );
}

// “Sun 1 Nov to Sat 28 Nov, Kiosk 1 and Corner shop”
export function Where({ of }: { of: Pick<Backtest, "from" | "to" | "stores"> }) {
  const { stores, store } = useStores();
  const every = stores.length > 1 && of.stores.length === stores.length;
  const names = of.stores.map((id) => store(id)?.name ?? id);
  const where = every ? "every store" : names.length > 3 ? `${names.length} stores` : names.join(", ");
  return <>{`${dayName(of.from)} to ${dayName(of.to)}, ${where}`}</>;
}

function UnderWay({ of }: { of: Backtest }) {
  const work = useMutation({ mutationFn: () => endBacktest(of.backtest_id) });
  const { progress } = of;
  const known = progress !== null && progress.of > 0;
  return (
    <div className="card working">
      <p>
        <span role="status">{stateWords(of)}</span>
        <button type="button" className="button small" disabled={work.isPending} onClick={() => work.mutate()}>
          Cancel
        </button>
      </p>
      <progress
        aria-label="How far the back-test is"
        max={known ? progress.of : undefined}
        value={known ? progress.done : undefined}
      />
      <Refused error={work.error} />
    </div>
  );
}
