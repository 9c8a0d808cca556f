// Search over alerts and receipts. Everything that was asked stands in the address.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { searchPage, searchQuery } from "../api/queries";
import type { Bucket, FacetName, SearchPage } from "../api/types";
import { useKeys } from "../lib/keys";
import { Results } from "../lib/results";
import { asAmount, hasTerm, storesOf, term, toggleTerm } from "../lib/search";
import { dayWords, full, hourMinute, zoneName } from "../lib/time";
import { dispositionName, words } from "../lib/words";
import { Examples, Fields } from "../parts/Ask";
import { Key } from "../parts/bits";
import { Hits } from "../parts/Hits";
import { Saved, SaveSearch } from "../parts/Saved";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { useWidth } from "../parts/useWidth";

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
  const query = useQuery({ ...searchQuery({ q, from, to }), refetchOnMount: "always", refetchOnReconnect: false });
  const first = query.data;
  const [saving, setSaving] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: while the new answer is awaited the old one is shown, as it was
  const results = useMemo(
    () => first && new Results(first, { from, to }, (span, cursor) => searchPage({ q, ...span }, cursor)),
    [first],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const asked = useMemo(() => `${q} ${from} ${to}`, [first]);
  useKeys({ n: () => q && setSaving(true) });
  const amount = asAmount(q);
  const { stores } = useStores();
  // Several stores may lie in several zones: the axis then is in UTC, and says so.
  const named = storesOf(q);
  const meant = named.length > 0 ? stores.filter((each) => named.includes(each.id)) : stores;
  const zones = new Set(meant.map((each) => each.tz));
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
        {query.isFetching && " Searching…"}
        {(from || to) && (
          <button type="button" className="button small" onClick={() => ask({ from: undefined, to: undefined })}>
            {from ? full(from, zone) : "…"} to {to ? full(to, zone) : "now"} ✕
          </button>
        )}
        {q && !saving && (
          <button type="button" className="button small" onClick={() => setSaving(true)} title="Save this search (n)">
            Save this search <Key>n</Key>
          </button>
        )}
      </p>
      {saving && <SaveSearch q={q} spanned={Boolean(from || to)} close={() => setSaving(false)} />}
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
          <aside aria-label="Saved searches, and fields to narrow down by">
            <Saved q={q} />
            <Facets page={first} query={q} set={(next) => ask({ q: next || undefined })} />
          </aside>
          <div className="results">
            <Histogram
              buckets={first.histogram}
              zone={zone}
              choose={(bucket) => ask({ from: bucket.start_at, to: bucket.end_at })}
            />
            {!results || first.total === 0 ? (
              <Empty title={q ? "Nothing found" : "Nothing to search yet"}>
                {amount && (
                  <p>
                    Was an amount meant?{" "}
                    <Link to="/search" search={{ q: amount }}>
                      <code>{amount}</code>
                    </Link>
                  </p>
                )}
                <p>Try one of these:</p>
                <Examples />
                <Fields />
              </Empty>
            ) : (
              <Hits key={asked} results={results} asked={asked} />
            )}
            {first.total > 0 && q === "" && (
              <details className="examples">
                <summary>What one can ask</summary>
                <Examples operator={first.facets.operator?.[0]?.value} />
                <Fields />
              </details>
            )}
          </div>
        </div>
      )}
    </div>
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
        {/* The last day, not the midnight after it. */}
        <span>{last && mark(long ? new Date(Date.parse(last.end_at) - 1).toISOString() : last.end_at)}</span>
      </div>
    </section>
  );
}
