// Search over alerts and receipts. Everything that was asked stands in the address.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { searchQuery } from "../api/queries";
import type { Bucket, FacetName, Hit, SearchPage } from "../api/types";
import { useKeys } from "../lib/keys";
import { hasTerm, snippet, term, toggleTerm } from "../lib/search";
import { dayWords, full, hourMinute, zoneName } from "../lib/time";
import { dispositionName, money, words } from "../lib/words";
import { Chip, DispositionMark, SeverityMark, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { useWidth } from "../parts/useWidth";

const EXAMPLES: [string, string][] = [
  ["type:refund amount:>50", "Refunds above 50"],
  ["no:customer last:7d", "Nobody at the counter, last 7 days"],
  ["is:open rule:refund_no_customer", "Open alerts of one rule"],
  ["type:no_sale register:1", "Drawer opened without a sale"],
  ["op:1042 last:28d", "All of one operator"],
];

const FACETS: [FacetName, string][] = [
  ["rule", "Rule"],
  ["type", "Type"],
  ["disposition", "Decision"],
  ["store", "Store"],
  ["register", "Register"],
  ["operator", "Operator"],
];

export default function SearchPageView() {
  const { q = "", from, to } = useSearch({ from: "/search" });
  const navigate = useNavigate();
  const [typed, setTyped] = useState(q);
  useEffect(() => setTyped(q), [q]);
  const ask = (next: { q?: string; from?: string; to?: string }) =>
    void navigate({ to: "/search", search: { q: q || undefined, from, to, ...next } });
  const query = useInfiniteQuery(searchQuery({ q, from, to }));
  const first = query.data?.pages[0];
  const hits = query.data?.pages.flatMap((page) => page.items) ?? [];
  const { stores } = useStores();
  // Several stores may lie in several zones: the axis then is in UTC, and says so.
  const zones = new Set(stores.map((each) => each.tz));
  const zone = zones.size === 1 ? ([...zones][0] ?? "UTC") : "UTC";

  return (
    <div className="search">
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          ask({ q: typed.trim() || undefined });
        }}
      >
        <h1 className="hidden">Search</h1>
        <label className="hidden" htmlFor="query">
          Search alerts and receipts
        </label>
        <input
          id="query"
          type="search"
          value={typed}
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          placeholder="Words on a receipt, or type:refund amount:>50 no:customer last:7d"
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        <button type="submit" className="button primary">
          Search
        </button>
      </form>
      <p className="count" role="status">
        {first && !query.isPlaceholderData && (
          <>
            <b>{first.total.toLocaleString("en-US")}</b> {first.total === 1 ? "result" : "results"} in {first.took_ms}{" "}
            ms
          </>
        )}
        {query.isFetching && !query.isFetchingNextPage && " Searching…"}
        {(from || to) && (
          <button type="button" className="button small" onClick={() => ask({ from: undefined, to: undefined })}>
            {from ? full(from, zone) : "…"} to {to ? full(to, zone) : "now"} ✕
          </button>
        )}
      </p>
      {first && first.problems.length > 0 && (
        <ul className="problems" aria-label="Not understood">
          {first.problems.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : !first ? (
        <Skeleton rows={8} height={64} label="Searching" />
      ) : (
        <div className="found">
          <Facets page={first} query={q} set={(next) => ask({ q: next || undefined })} />
          <div className="results">
            <Histogram
              buckets={first.histogram}
              zone={zone}
              choose={(bucket) => ask({ from: bucket.start_at, to: bucket.end_at })}
            />
            {hits.length === 0 ? (
              <Empty title={q ? "Nothing found" : "Nothing to search yet"}>
                <p>Try one of these:</p>
                <Examples />
              </Empty>
            ) : (
              <Hits
                hits={hits}
                more={() => {
                  if (query.hasNextPage && !query.isFetchingNextPage) void query.fetchNextPage();
                }}
              />
            )}
            {hits.length > 0 && q === "" && (
              <details className="examples">
                <summary>What one can ask</summary>
                <Examples />
              </details>
            )}
          </div>
        </div>
      )}
    </div>
  );
}

function Examples() {
  return (
    <ul className="plain">
      {EXAMPLES.map(([example, text]) => (
        <li key={example}>
          <Link to="/search" search={{ q: example }}>
            <code>{example}</code>
          </Link>{" "}
          {text}
        </li>
      ))}
    </ul>
  );
}

function Facets({ page, query, set }: { page: SearchPage; query: string; set: (next: string) => void }) {
  const { store } = useStores();
  const name = (facet: FacetName, value: string) => {
    if (facet === "store") return store(value)?.name ?? value;
    if (facet === "disposition") return value === "open" ? "Open" : dispositionName(value as never);
    return facet === "rule" || facet === "type" ? words(value) : value;
  };
  // A phone shows them folded.
  const wide = window.matchMedia("(min-width: 800px)").matches;
  return (
    <aside aria-label="Narrow down">
      <details open={wide}>
        <summary>Narrow down</summary>
        {FACETS.map(([facet, title]) => {
          const values = page.facets[facet] ?? [];
          if (values.length === 0) return null;
          return (
            <section key={facet}>
              <h2>{title}</h2>
              <ul>
                {values.slice(0, 8).map((each) => {
                  const wanted = term(facet, each.value);
                  return (
                    <li key={each.value}>
                      <button
                        type="button"
                        aria-pressed={hasTerm(query, wanted)}
                        onClick={() => set(toggleTerm(query, wanted))}
                      >
                        <span>{name(facet, each.value)}</span> <small>{each.count.toLocaleString("en-US")}</small>
                      </button>
                    </li>
                  );
                })}
              </ul>
            </section>
          );
        })}
      </details>
    </aside>
  );
}

// Neighbours are joined until each can be hit with a finger.
function wideEnough(buckets: Bucket[], width: number): Bucket[] {
  const join = width > 0 ? Math.max(1, Math.ceil((buckets.length * 26) / width)) : 1;
  const bars: Bucket[] = [];
  buckets.forEach((each, at) => {
    const bar = bars.at(-1);
    if (!bar || at % join === 0) bars.push({ ...each });
    else {
      bar.end_at = each.end_at;
      bar.alerts += each.alerts;
      bar.receipts += each.receipts;
    }
  });
  return bars;
}

function Histogram({ buckets, zone, choose }: { buckets: Bucket[]; zone: string; choose: (bucket: Bucket) => void }) {
  const [element, width] = useWidth<HTMLDivElement>();
  if (buckets.every((each) => each.alerts + each.receipts === 0)) return null;
  const bars = wideEnough(buckets, width);
  const most = Math.max(1, ...bars.map((each) => each.alerts + each.receipts));
  const first = buckets[0];
  const last = buckets.at(-1);
  const long = first && last ? Date.parse(last.end_at) - Date.parse(first.start_at) > 36 * 3_600_000 : false;
  const mark = (at: string) => (long ? dayWords(at, zone) : `${hourMinute(at, zone)} ${zoneName(at, zone)}`);
  return (
    <section className="histogram" aria-label="When">
      <div className="columns-of-time" ref={element}>
        {bars.map((each) => (
          <button
            type="button"
            key={each.start_at}
            disabled={each.alerts + each.receipts === 0}
            title={`${full(each.start_at, zone)}: ${each.alerts} alerts, ${each.receipts} receipts`}
            aria-label={`${full(each.start_at, zone)}: ${each.alerts} alerts, ${each.receipts} receipts. Show only these.`}
            onClick={() => choose(each)}
          >
            <i className="receipts" style={{ height: `${(each.receipts / most) * 100}%` }} />
            <i className="alerts" style={{ height: `${(each.alerts / most) * 100}%` }} />
          </button>
        ))}
      </div>
      <div className="ends" aria-hidden="true">
        <span>{first && mark(first.start_at)}</span>
        <span className="legend">
          <i className="alerts" /> alerts <i className="receipts" /> receipts
        </span>
        <span>{last && mark(last.end_at)}</span>
      </div>
    </section>
  );
}

function Hits({ hits, more }: { hits: Hit[]; more: () => void }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { zone, stores } = useStores();
  const navigate = useNavigate();
  const [focus, setFocus] = useState(-1);
  const rows = useVirtualizer({
    count: hits.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 76,
    getItemKey: (index) => `${hits[index]?.kind} ${hits[index]?.id}`,
    overscan: 10,
  });
  const last = rows.getVirtualItems().at(-1)?.index ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the end comes near, not at every drawing
  useEffect(() => {
    if (last >= hits.length - 20) more();
  }, [last, hits.length]);
  const move = (to: number) => {
    const at = Math.min(hits.length - 1, Math.max(0, to));
    setFocus(at);
    rows.scrollToIndex(at, { align: "auto" });
  };
  useKeys({
    j: () => move(focus + 1),
    k: () => move(focus - 1),
    Enter: () => {
      const hit = hits[focus];
      if (hit?.alert_id) void navigate({ to: "/alerts/$alertId", params: { alertId: hit.alert_id } });
      else if (hit) void navigate({ to: "/transactions/$eventId", params: { eventId: hit.event_id } });
    },
  });
  return (
    <div className="scroll" ref={scroller}>
      <ul style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const hit = hits[row.index];
          if (!hit) return null;
          const body = <HitBody hit={hit} zone={zone(hit.store_id)} many={stores.length > 1} />;
          const look = `hit of-${hit.kind}${row.index === focus ? " selected" : ""}`;
          return (
            <li
              key={row.key}
              data-index={row.index}
              ref={rows.measureElement}
              style={{ transform: `translateY(${row.start}px)` }}
            >
              {hit.alert_id ? (
                <Link
                  to="/alerts/$alertId"
                  params={{ alertId: hit.alert_id }}
                  search={{ state: "all" }}
                  className={look}
                >
                  {body}
                </Link>
              ) : (
                <Link to="/transactions/$eventId" params={{ eventId: hit.event_id }} className={look}>
                  {body}
                </Link>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function HitBody({ hit, zone, many }: { hit: Hit; zone: string; many: boolean }) {
  return (
    <>
      <span className="first">
        {hit.severity ? <SeverityMark severity={hit.severity} /> : <span className="kind">Receipt</span>}
        <StoreTime at={hit.event_time} zone={zone} form="brief" />
      </span>
      <span className="title">{hit.title}</span>
      <span className="amount">{money(hit.amount_minor, hit.currency)}</span>
      <span className="reason">
        {snippet(hit.snippet).map((part, at) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text
          part.marked ? <mark key={at}>{part.text}</mark> : <span key={at}>{part.text}</span>,
        )}
      </span>
      <span className="meta">
        {many && <Chip>Store {hit.store_id}</Chip>}
        <Chip>Register {hit.register_id}</Chip>
        {hit.operator_id && <Chip>Operator {hit.operator_id}</Chip>}
        {hit.kind === "alert" && <DispositionMark disposition={hit.disposition} />}
      </span>
    </>
  );
}
