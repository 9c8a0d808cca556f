// What the rules could not decide: how often each reason, and each case with its receipt. No accusation and no all-clear.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { blindQuery, rulesQuery } from "../api/queries";
import type { BlindReason } from "../api/types";
import { words } from "../lib/words";
import { StoreTime } from "../parts/bits";
import { QueueTabs } from "../parts/QueueTabs";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function BlindPage() {
  const search = useSearch({ from: "/blind" });
  const navigate = useNavigate();
  const query = useInfiniteQuery(blindQuery(search));
  const rules = useQuery(rulesQuery);
  const { stores, store, zone } = useStores();
  const named = (rule: string) => rules.data?.find((each) => each.id === rule)?.name ?? words(rule);
  const set = (change: { store?: string; rule?: string }) =>
    void navigate({ to: "/blind", search: (old) => ({ ...old, ...change }), replace: true });
  const first = query.data?.pages[0];
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="blind">
      <header className="bar-of-page">
        <h1>Could not see</h1>
        <QueueTabs here="blind" />
        <span className="fill" />
        {(search.store || search.rule) && (
          <button type="button" className="button small" onClick={() => set({ store: undefined, rule: undefined })}>
            Show all
          </button>
        )}
      </header>
      <p className="quiet">
        Here a rule had something to judge and could not see enough to decide. It never fires then. The receipt and
        whatever video there is can still be looked at.
      </p>
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={6} height={40} label="Loading blind spots" />
      ) : items.length === 0 ? (
        <Empty title="Every rule could see">
          <p>In the last seven days no rule was left without an answer.</p>
        </Empty>
      ) : (
        <>
          <ul className="reasons">
            {first?.reasons.map((each) => (
              <li key={`${each.store_id}/${each.rule_id}/${each.why}`}>
                <Reason
                  reason={each}
                  store={stores.length > 1 ? (store(each.store_id)?.name ?? each.store_id) : null}
                  rule={named(each.rule_id)}
                  choose={() => set({ store: each.store_id, rule: each.rule_id })}
                />
              </li>
            ))}
          </ul>
          <section className="card" aria-labelledby="cases-title">
            <h2 id="cases-title">Cases of the last seven days</h2>
            <ul className="plain cases">
              {items.map((each) => (
                <li key={each.judgement_id}>
                  <Link to="/transactions/$eventId" params={{ eventId: each.anchor_event_id }}>
                    <StoreTime at={each.event_time} zone={zone(each.store_id)} form="brief" />
                  </Link>
                  <span>
                    {stores.length > 1 && <>Store {each.store_id} · </>}Register {each.register_id}
                    {each.operator_id && <> · Operator {each.operator_id}</>}
                  </span>
                  <span>
                    <b>{named(each.rule_id)}</b> {words(each.why).toLowerCase()}
                    {each.provisional && <> · it may still be decided</>}
                  </span>
                </li>
              ))}
            </ul>
            {query.hasNextPage && (
              <button
                type="button"
                className="button"
                disabled={query.isFetchingNextPage}
                onClick={() => void query.fetchNextPage()}
              >
                {query.isFetchingNextPage ? "Loading" : "Show more"}
              </button>
            )}
          </section>
        </>
      )}
    </div>
  );
}

type ReasonProps = { reason: BlindReason; store: string | null; rule: string; choose: () => void };

function Reason({ reason, store, rule, choose }: ReasonProps) {
  return (
    <button type="button" className="card reason" onClick={choose}>
      <b className="count">{reason.count}</b>
      <span>
        {rule}
        <small>
          {words(reason.why)}
          {store && ` · ${store}`}
        </small>
      </span>
    </button>
  );
}
