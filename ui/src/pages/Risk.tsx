// Operators and stores beside their peers: who stands out, how sure that is, and what the numbers are made of.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type Scores, scoresQuery } from "../api/scores";
import { headline } from "../lib/scores";
import { dayWords } from "../lib/time";
import { NoStore } from "../parts/NoStore";
import { OperatorScores, StoreScores } from "../parts/Scores";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

const SPANS = ["7", "28", "91"];

export default function RiskPage() {
  const search = useSearch({ from: "/risk" });
  const { stores, known, store } = useStores();
  const query = useQuery(scoresQuery(search.store, search.days));
  const none = known && (stores.length === 0 || (search.store !== undefined && !store(search.store)));
  return (
    <div className="coverage risk">
      <header className="bar-of-page">
        <h1>
          Risk <small>operators and stores beside their peers</small>
        </h1>
        {!none && <Filters />}
      </header>
      {none ? (
        <NoStore asked={search.store} to="/risk" />
      ) : query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.data ? (
        <Body scores={query.data} />
      ) : (
        <>
          <Skeleton rows={1} height={96} label="Counting" />
          <Skeleton rows={6} height={48} label="Counting" />
        </>
      )}
    </div>
  );
}

function Filters() {
  const search = useSearch({ from: "/risk" });
  const { stores } = useStores();
  const navigate = useNavigate();
  const go = (next: typeof search) => void navigate({ to: "/risk", search: { ...search, ...next } });
  return (
    <div className="filters">
      {stores.length > 1 && (
        <label className="choice">
          <span className="hidden">Store</span>
          <select value={search.store ?? ""} onChange={(event) => go({ store: event.target.value || undefined })}>
            <option value="">All stores</option>
            {stores.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="choice">
        <span className="hidden">Days</span>
        <select
          value={search.days ?? "28"}
          onChange={(event) => go({ days: event.target.value === "28" ? undefined : event.target.value })}
        >
          {SPANS.map((days) => (
            <option key={days} value={days}>
              {days} days
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Body({ scores }: { scores: Scores }) {
  const out = scores.operators.some((each) => each.stands_out);
  if (scores.operators_total === 0) {
    return (
      <section className="card">
        <Empty title={headline(scores)}>
          <p>
            From {dayWords(scores.from, "UTC")} to {dayWords(scores.to, "UTC")} no till sent, with an operator, any of
            what is counted: refunds, sales given up, items taken off again and the like.
          </p>
        </Empty>
      </section>
    );
  }
  return (
    <>
      <section className={out ? "card verdict look" : "card verdict"} aria-labelledby="risk-title">
        <h2 id="risk-title">{headline(scores)}</h2>
        <p>
          {dayWords(scores.from, "UTC")} to {dayWords(scores.to, "UTC")}. Whoever stands out counts more of something
          than people with the same work do by luck; of all who stand out, one in ten may be wrong.{" "}
          <b>A number says that something is unusual, never why:</b> look at the receipts before you ask anybody.
        </p>
        {scores.compared === 0 && (
          <p className="quiet">
            Compared is who has {scores.exposures_enough} of what is counted, where {scores.peers_enough} people do the
            same work. Until then the order below is all there is.
          </p>
        )}
      </section>
      <OperatorScores scores={scores} />
      <StoreScores scores={scores} />
      <section className="card" aria-labelledby="counted-title">
        <h2 id="counted-title">How it is counted</h2>
        <p className="quiet">
          The risk is the sum of its parts, from 0 to 100: how far each believed rate exceeds that of the peers, by
          weight. It puts people in order, and says nothing by itself. A believed rate is the counted one, drawn towards
          the peers where little was counted.
        </p>
        <ul className="bullets">
          {scores.measures.map((each) => (
            <li key={each.key}>
              {each.name}, per 100 {each.of}: weight {Math.round(100 * each.weight)} %
            </li>
          ))}
        </ul>
        {scores.questions.map((each) => (
          <details key={each.name}>
            <summary>SQL: {each.name}</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard */}
            <pre tabIndex={0}>{each.sql}</pre>
          </details>
        ))}
      </section>
    </>
  );
}
