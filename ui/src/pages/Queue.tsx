// The review queue. It stays beside the review page on wide screens, so that the order never changes while one works.
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { type QueueFilter, rulesQuery } from "../api/queries";
import type { AlertSummary } from "../api/types";
import { useKeys } from "../lib/keys";
import { neighbour } from "../lib/live";
import { ago } from "../lib/time";
import { isOpen, money, words } from "../lib/words";
import { Chip, DispositionMark, SeverityMark, StoreTime } from "../parts/bits";
import { QueueTabs } from "../parts/QueueTabs";
import { QueueContext, type QueueHandle } from "../parts/queueContext";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { useQueue } from "../parts/useQueue";

export default function QueuePage() {
  const search = useSearch({ from: "/alerts" });
  const { alertId } = useParams({ strict: false });
  const navigate = useNavigate();
  const filter: QueueFilter = { state: search.state ?? "open", store: search.store, rule: search.rule };
  const { queue, query, hold, letIn } = useQueue(filter);
  const { stores, zone } = useStores();
  const [focus, setFocus] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const over = useRef(false);
  const inside = useRef(false);

  // The list is held while a hand is on it, and while an alert of it is under review.
  const settle = () => hold(over.current || inside.current || (scroller.current?.scrollTop ?? 0) > 8);

  const handle = useMemo<QueueHandle>(
    () => ({
      at: (id, step) => neighbour(queue, id, step),
      go: (id) => void navigate({ to: "/alerts/$alertId", params: { alertId: id }, search: (old) => old }),
      back: () => void navigate({ to: "/alerts", search: (old) => old }),
    }),
    [queue, navigate],
  );

  const rows = useVirtualizer({
    count: queue.items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 84,
    getItemKey: (index) => queue.items[index]?.alert_id ?? index,
    overscan: 8,
  });
  const selected = alertId ?? focus;
  const selectedAt = queue.items.findIndex((each) => each.alert_id === selected);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection scrolls, not a list that grew
  useEffect(() => {
    if (selectedAt >= 0) rows.scrollToIndex(selectedAt, { align: "auto" });
  }, [selected]);

  const last = rows.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= queue.items.length - 10) void fetchNextPage();
  }, [last, queue.items.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const move = (step: 1 | -1) => {
    const next = neighbour(queue, selected ?? undefined, step);
    if (next) setFocus(next.alert_id);
  };
  useKeys(
    {
      j: () => move(1),
      k: () => move(-1),
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Enter: () => focus && handle.go(focus),
    },
    alertId === undefined,
  );

  const count = queue.items.length - queue.leaving.size;
  const chosen = filter.state === "open" ? "to review" : filter.state === "closed" ? "decided" : "in all";
  return (
    <div className={alertId ? "queue reviewing" : "queue"}>
      <section className="list" aria-label="Alerts">
        <header className="bar-of-page">
          <h1>
            Alerts <small>{query.isPending ? "" : `${count}${hasNextPage ? "+" : ""} ${chosen}`}</small>
          </h1>
          <Filters />
          <QueueTabs here="alerts" />
        </header>
        <div className="news" aria-live="polite">
          {queue.waiting.length > 0 && (
            <button
              type="button"
              className="button primary"
              onClick={() => {
                scroller.current?.scrollTo({ top: 0 });
                letIn();
              }}
            >
              {queue.waiting.length === 1 ? "1 new alert" : `${queue.waiting.length} new alerts`}: show
            </button>
          )}
        </div>
        {query.isPending ? (
          <Skeleton rows={8} height={76} label="Loading alerts" />
        ) : query.isError && queue.items.length === 0 ? (
          <Failed error={query.error} retry={() => query.refetch()} />
        ) : queue.items.length === 0 ? (
          <Nothing filter={filter} />
        ) : (
          // biome-ignore lint/a11y/noStaticElementInteractions: it only notes where the hand is
          <div
            className="scroll"
            ref={scroller}
            onScroll={settle}
            onPointerEnter={() => {
              over.current = true;
              settle();
            }}
            onPointerLeave={() => {
              over.current = false;
              settle();
            }}
            onFocus={() => {
              inside.current = true;
              settle();
            }}
            onBlur={() => {
              inside.current = false;
              settle();
            }}
          >
            <ul style={{ height: rows.getTotalSize() }}>
              {rows.getVirtualItems().map((row) => {
                const alert = queue.items[row.index];
                return (
                  alert && (
                    <li
                      key={row.key}
                      data-index={row.index}
                      ref={rows.measureElement}
                      style={{ transform: `translateY(${row.start}px)` }}
                    >
                      <Row
                        alert={alert}
                        zone={zone(alert.store_id)}
                        many={stores.length > 1}
                        selected={alert.alert_id === selected}
                        left={queue.leaving.has(alert.alert_id)}
                      />
                    </li>
                  )
                );
              })}
            </ul>
            {isFetchingNextPage && <Skeleton rows={2} height={60} />}
          </div>
        )}
      </section>
      <QueueContext value={handle}>
        <Outlet />
      </QueueContext>
    </div>
  );
}

type RowProps = { alert: AlertSummary; zone: string; many: boolean; selected: boolean; left: boolean };

function Row({ alert, zone, many, selected, left }: RowProps) {
  return (
    <Link
      to="/alerts/$alertId"
      params={{ alertId: alert.alert_id }}
      search={(old) => old}
      className={`alert ${alert.severity}${selected ? " selected" : ""}${left ? " left" : ""}`}
      aria-current={selected ? "true" : undefined}
    >
      <span className="first">
        <SeverityMark severity={alert.severity} />
        <StoreTime at={alert.event_time} zone={zone} form="brief" />
        <span className="ago">{ago(alert.raised_at, new Date())}</span>
      </span>
      <span className="title">{alert.title}</span>
      <span className="amount">{money(alert.amount_minor, alert.currency)}</span>
      <span className="reason">{alert.reason}</span>
      <span className="meta">
        {many && <Chip>Store {alert.store_id}</Chip>}
        <Chip>Register {alert.register_id}</Chip>
        {alert.operator_id && <Chip>Operator {alert.operator_id}</Chip>}
        {!alert.has_video && <Chip tone="warn">No video</Chip>}
        {alert.provisional && <Chip tone="warn">Provisional</Chip>}
        {alert.state !== "standing" && <Chip tone="warn">{words(alert.state)}</Chip>}
        {(!isOpen(alert.disposition) || alert.disposition === "reopened") && (
          <DispositionMark disposition={alert.disposition} />
        )}
      </span>
    </Link>
  );
}

function Filters() {
  const search = useSearch({ from: "/alerts" });
  const navigate = useNavigate();
  const { stores } = useStores();
  const rules = useQuery(rulesQuery);
  const set = (name: "state" | "store" | "rule") => (value: string) =>
    void navigate({
      to: ".",
      search: (old: Record<string, unknown>) => ({ ...old, [name]: value || undefined }),
      replace: true,
    });
  return (
    <div className="filters">
      <Choice
        name="Show"
        value={search.state ?? ""}
        set={set("state")}
        options={[
          ["", "Open"],
          ["closed", "Decided"],
          ["all", "All"],
        ]}
      />
      {stores.length > 1 && (
        <Choice
          name="Store"
          value={search.store ?? ""}
          set={set("store")}
          options={[["", "All stores"], ...stores.map((each): [string, string] => [each.id, each.name])]}
        />
      )}
      <Choice
        name="Rule"
        value={search.rule ?? ""}
        set={set("rule")}
        options={[["", "All rules"], ...(rules.data ?? []).map((each): [string, string] => [each.id, each.name])]}
      />
    </div>
  );
}

export function Choice(props: {
  name: string;
  value: string;
  set: (value: string) => void;
  options: [string, string][];
}) {
  return (
    <label className="choice">
      <span className="hidden">{props.name}</span>
      <select value={props.value} onChange={(event) => props.set(event.target.value)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Nothing({ filter }: { filter: QueueFilter }) {
  if (filter.store || filter.rule || filter.state !== "open") {
    return (
      <Empty title="No alert fits this filter">
        <p>
          <Link to="/alerts" search={{}}>
            Show all open alerts
          </Link>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing to review">
      <p>New alerts appear here by themselves. </p>
      <p>
        Was everything seen? <Link to="/cameras">Cameras and coverage</Link> says where the system was blind.
      </p>
    </Empty>
  );
}
