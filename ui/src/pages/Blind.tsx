// What the rules could not decide: how often each reason, and each time with its receipt. No accusation and no all-clear.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useRef } from "react";
import { blindQuery } from "../api/queries";
import type { BlindReason } from "../api/types";
import { useKeys } from "../lib/keys";
import { whyWords } from "../lib/why";
import { StoreTime } from "../parts/bits";
import { QueueTabs } from "../parts/QueueTabs";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { useRuleNames } from "../parts/useRuleNames";

export default function BlindPage() {
  const search = useSearch({ from: "/blind" });
  const navigate = useNavigate();
  const query = useInfiniteQuery(blindQuery(search));
  const named = useRuleNames();
  const { stores, store, zone } = useStores();
  const set = (change: { store?: string; rule?: string }) =>
    void navigate({ to: "/blind", search: (old) => ({ ...old, ...change }), replace: true });
  const list = useRef<HTMLUListElement>(null);
  const move = (step: 1 | -1) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>("a") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
  };
  useKeys({ j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1) });
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
          <section className="card" aria-labelledby="each-title">
            <h2 id="each-title">What could not be decided in the last seven days</h2>
            <ul className="plain cases" ref={list}>
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
                    <b>{named(each.rule_id)}</b> {whyWords(each.why)}
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
          {whyWords(reason.why)}
          {store && ` · ${store}`}
        </small>
      </span>
    </button>
  );
}
