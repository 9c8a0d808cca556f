// The feed of one integrator: what arrives from which register, how late, what was set aside and why, and which rules
// cannot judge what they get.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type Feed,
  type FeedCount,
  type FeedRecord,
  type FeedRegister,
  type Reject,
  type RejectCount,
  rejectsQuery,
} from "../../api/integrator";
import { lagWords, marked, milli } from "../../lib/feeds";
import { ago } from "../../lib/time";
import { words } from "../../lib/words";
import { Chip, StoreTime } from "../bits";
import { useStores } from "../session";
import { Failed, Skeleton } from "../states";
import { RecordText } from "./RecordText";
import { useHomeZone } from "./SetupPage";

const STATE: Record<Feed["state"], [name: string, tone: string]> = {
  live: ["Live", "good"],
  silent: ["Silent", "bad"],
  never: ["Never heard", "warn"],
};

function Counts({ today }: { today: FeedCount }) {
  const number = (value: number) => value.toLocaleString("en-US");
  return (
    <>
      {number(today.accepted)} accepted
      {today.duplicates > 0 && <>, {number(today.duplicates)} repeated</>}
      {today.rejected > 0 && <b className="bad">, {number(today.rejected)} set aside</b>}
      {today.warned > 0 && <span className="warn">, {number(today.warned)} odd</span>}
    </>
  );
}

export function FeedShown({ feed, store }: { feed: Feed; store?: string }) {
  const { zone, store: storeOf } = useStores();
  const home = useHomeZone(store);
  const [name, tone] = STATE[feed.state];
  return (
    <section className="feed card" aria-labelledby={`feed-${feed.integrator_id}`}>
      <header className="line">
        <h2 id={`feed-${feed.integrator_id}`}>
          {feed.integrator_id} <small>{feed.topic}</small>
        </h2>
        <Chip tone={tone}>{name}</Chip>
        {feed.last_received_at && (
          <span className="quiet">
            last record <StoreTime at={feed.last_received_at} zone={home} form="brief" />,{" "}
            {ago(feed.last_received_at, new Date())}
          </span>
        )}
      </header>
      {feed.state === "never" && (
        <p>
          Nothing has come yet. Make a token for it, and send a record over HTTP, or write to the topic{" "}
          <code>{feed.topic}</code>.
        </p>
      )}
      {feed.state !== "never" && (
        <p>
          Today <Counts today={feed.today} />. Records come {lagWords(feed.lag)}.
        </p>
      )}
      {feed.blind.length > 0 && (
        <div className="problems">
          <p>
            <b>Accepted, but some rules are blind:</b>
          </p>
          <ul className="bullets">
            {feed.blind.map((each) => (
              <li key={`${each.rule_id} ${each.missing}`}>
                {each.words} <small>({Math.round(each.share * 100)} %)</small>
              </li>
            ))}
          </ul>
        </div>
      )}
      {feed.silent.length > 0 && (
        <p className="warn">
          Silent while others of their store ring:{" "}
          {feed.silent.map((each, at) => (
            <span key={`${each.store_id}/${each.register_id}`}>
              {at > 0 && "; "}register {each.register_id} of {storeOf(each.store_id)?.name ?? each.store_id}
              {each.last_received_at && (
                <>
                  {" "}
                  since <StoreTime at={each.last_received_at} zone={zone(each.store_id)} form="brief" />
                </>
              )}
            </span>
          ))}
          .
        </p>
      )}
      {feed.registers.length > 0 && (
        <>
          <h3>Registers</h3>
          <ul className="feed-registers">
            {feed.registers.map((each) => (
              <RegisterFeed key={`${each.store_id}/${each.register_id}`} of={each} />
            ))}
          </ul>
        </>
      )}
      {feed.rejects.length > 0 && (
        <>
          <h3>
            Set aside <small>in the last 7 days; nothing is lost</small>
          </h3>
          <ul className="feed-rejects">
            {feed.rejects.map((each) => (
              <Rejected key={each.code} of={each} integrator={feed.integrator_id} store={store} zone={home} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function RegisterFeed({ of }: { of: FeedRegister }) {
  const { stores, zone: zoneOf, store } = useStores();
  const zone = zoneOf(of.store_id);
  const silent = of.state === "silent";
  return (
    <li>
      <details>
        <summary>
          <span className="name">
            <span aria-hidden="true" className={silent ? "bad" : "good"}>
              {silent ? "✕" : "●"}
            </span>{" "}
            <b>Register {of.register_id}</b>
            {stores.length > 1 && <small> {store(of.store_id)?.name ?? of.store_id}</small>}
          </span>
          <span className="when">
            {silent && <b className="bad">Silent </b>}
            {of.last_received_at ? (
              <>
                <StoreTime at={of.last_received_at} zone={zone} form="brief" />{" "}
                <small>{ago(of.last_received_at, new Date())}</small>
              </>
            ) : (
              "nothing yet"
            )}
          </span>
          <span>
            <Counts today={of.today} />
          </span>
          <span className="quiet">{lagWords(of.lag)}</span>
        </summary>
        {of.records.length === 0 ? (
          <p className="quiet">Its records are older than what is remembered here.</p>
        ) : (
          <div className="rows">
            <table>
              <caption className="hidden">Last records of register {of.register_id}</caption>
              <thead>
                <tr>
                  <th scope="col">Received</th>
                  <th scope="col">Outcome</th>
                  <th scope="col">What</th>
                  <th scope="col">At the till</th>
                  <th scope="col" className="number">
                    Behind
                  </th>
                </tr>
              </thead>
              <tbody>
                {of.records.map((each) => (
                  <RecordRow key={`${each.received_at} ${each.event_id}`} record={each} zone={zone} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </li>
  );
}

const OUTCOME: Record<FeedRecord["outcome"], [name: string, tone: string]> = {
  accepted: ["Accepted", "good"],
  duplicate: ["Repeated", ""],
  rejected: ["Set aside", "bad"],
};

function RecordRow({ record, zone }: { record: FeedRecord; zone: string }) {
  const [name, tone] = OUTCOME[record.outcome];
  return (
    <tr>
      <th scope="row">
        <StoreTime at={record.received_at} zone={zone} form="brief" />
      </th>
      <td data-label="Outcome">
        <Chip tone={tone}>{name}</Chip> {record.code && <code>{record.code}</code>}
        {record.detail && <small className="below">{record.detail}</small>}
        {record.warning && <small className="below warn">{record.warning}</small>}
      </td>
      <td data-label="What">
        {record.event_id && record.outcome !== "rejected" ? (
          <a href={`/transactions/${record.event_id}`}>
            {words(record.kind) || "Record"} {record.receipt_no}
          </a>
        ) : (
          <>
            {words(record.kind) || "–"} {record.receipt_no}
          </>
        )}
      </td>
      <td data-label="At the till">
        {record.event_time ? <StoreTime at={record.event_time} zone={zone} form="brief" /> : "–"}
      </td>
      <td data-label="Behind" className="number">
        {record.lag_ms === null ? "–" : milli(record.lag_ms)}
      </td>
    </tr>
  );
}

type RejectedProps = { of: RejectCount; integrator: string; store?: string; zone: string };

function Rejected({ of, integrator, store, zone }: RejectedProps) {
  const [all, setAll] = useState(false);
  return (
    <li>
      <details>
        <summary>
          <span className="name">
            <code>{of.code}</code> <b>{of.count.toLocaleString("en-US")}</b>
          </span>
          <span>{of.words}</span>
          <span className="quiet when">
            {of.last_at && (
              <>
                last <StoreTime at={of.last_at} zone={zone} form="brief" />
              </>
            )}
          </span>
        </summary>
        {of.problems.length > 0 && (
          <ul className="bullets">
            {of.problems.map((each) => (
              <li key={`${each.pointer} ${each.detail}`}>
                <code>{each.pointer || "/"}</code> {each.detail} <small className="quiet">{each.count} times</small>
              </li>
            ))}
          </ul>
        )}
        {!all && of.example && <RejectShown reject={of.example} zone={zone} />}
        {all ? (
          <All integrator={integrator} code={of.code} store={store} zone={zone} />
        ) : (
          <button type="button" className="button small" onClick={() => setAll(true)}>
            Show all {of.count.toLocaleString("en-US")}
          </button>
        )}
      </details>
    </li>
  );
}

function All({ integrator, code, store, zone }: { integrator: string; code: string; store?: string; zone: string }) {
  const query = useInfiniteQuery(rejectsQuery(integrator, code, store));
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (query.isPending) return <Skeleton rows={2} height={80} label="Loading what was set aside" />;
  return (
    <>
      {query.data.pages
        .flatMap((page) => page.problems)
        .map((each) => (
          <p key={each} className="warn">
            {each}
          </p>
        ))}
      {query.data.pages
        .flatMap((page) => page.items)
        .map((each) => (
          <RejectShown key={`${each.topic} ${each.partition} ${each.offset}`} reject={each} zone={zone} />
        ))}
      {query.hasNextPage && (
        <button
          type="button"
          className="button small"
          disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {query.isFetchingNextPage ? "Loading…" : "Show older ones"}
        </button>
      )}
    </>
  );
}

function RejectShown({ reject, zone }: { reject: Reject; zone: string }) {
  return (
    <article className="reject">
      <p>
        <StoreTime at={reject.at} zone={zone} form="full" />
        {reject.register_id && (
          <>
            , register {reject.register_id} of store {reject.store_id}
          </>
        )}
        : {reject.detail}
      </p>
      {reject.problems.length > 0 && (
        <ul className="bullets">
          {reject.problems.map((each) => (
            <li key={`${each.pointer} ${each.detail}`}>
              <code>{each.pointer || "/"}</code> {each.detail}
            </li>
          ))}
        </ul>
      )}
      {reject.text === "" ? (
        <p className="quiet">{reject.bytes} bytes that are not text.</p>
      ) : (
        <RecordText parts={marked(reject)} />
      )}
      <small className="quiet">
        {reject.truncated ? `The first of ${reject.bytes} bytes; ` : ""}card numbers are masked. It lies in{" "}
        {reject.topic}, partition {reject.partition}, offset {reject.offset}.
      </small>
    </article>
  );
}
