// The review queue. It stays beside the review page on wide screens, so that the order never changes while one works.
import { Link, Outlet, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { QueueFilter } from "../api/queries";
import type { AlertSummary, QueueItem } from "../api/types";
import { useKeys } from "../lib/keys";
import { due, hasLeft, neighbour } from "../lib/live";
import { everything, extend, keep, NOTHING, toggle } from "../lib/selection";
import { BulkBar } from "../parts/BulkBar";
import { type Added, AddedTo, CasePicker } from "../parts/CasePicker";
import { GivePicker } from "../parts/GivePicker";
import { NoStore } from "../parts/NoStore";
import { AboutValue, QueueFilters } from "../parts/QueueFilters";
import { MemberRow, QueueRow } from "../parts/QueueRow";
import { QueueTabs } from "../parts/QueueTabs";
import { QueueContext, type QueueHandle } from "../parts/queueContext";
import { Said } from "../parts/Said";
import { useMayReview, useMe, useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { useBatch } from "../parts/useBatch";
import { useQueue } from "../parts/useQueue";

// A line of the list: an item, or one of its alerts while it is unfolded.
type Row = { key: string; item: QueueItem; alert: AlertSummary; member: boolean };

const keyOf = (row: Row | undefined, index: number) => row?.key ?? String(index);
const asks = (filter: QueueFilter) =>
  Boolean(
    filter.store ||
      filter.rule ||
      filter.operator ||
      filter.assignee ||
      filter.asked ||
      filter.sent ||
      filter.state !== "open",
  );

export default function QueuePage() {
  const search = useSearch({ from: "/alerts" });
  const { alertId } = useParams({ strict: false });
  const navigate = useNavigate();
  const filter: QueueFilter = { ...search, state: search.state ?? "open" };
  const { queue, query, total, hold, letIn } = useQueue(filter);
  const { stores, known, zone } = useStores();
  const none = known && !(search.store ? stores.some((each) => each.id === search.store) : stores.length > 0);
  const me = useMe().name;
  const may = useMayReview();
  const batch = useBatch();
  const [focus, setFocus] = useState<string | null>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [selection, setSelection] = useState(NOTHING);
  const [asking, setAsking] = useState<{ what: "give" | "case"; alerts: AlertSummary[] } | null>(null);
  const [added, setAdded] = useState<Added | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const over = useRef(false);
  const inside = useRef(false);

  const standing = useMemo(() => queue.items.filter((item) => !hasLeft(queue, item)), [queue]);
  const order = useMemo(() => standing.map((item) => item.item_id), [standing]);
  const kept = keep(selection, order);
  const chosen = standing.filter((item) => kept.chosen.has(item.item_id));
  const stay = (item: QueueItem) => item.members.filter((each) => !queue.leaving.has(each.alert_id));

  const toDecide = chosen.flatMap((item) => due(stay(item)));

  // The list is held while a hand is on it, and while something of it is selected.
  const some = chosen.length > 0;
  const settle = () => hold(some || over.current || inside.current || (scroller.current?.scrollTop ?? 0) > 8);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the hand is noted where it moves
  useEffect(settle, [some]);

  const { last, act, undo: back } = batch;
  const ask = (what: "give" | "case", alerts: AlertSummary[]) => alerts.length > 0 && setAsking({ what, alerts });
  const giveTo = (alerts: AlertSummary[], assignee: string | null) => {
    setAdded(null);
    if (alerts.length > 0) void batch.give(alerts, assignee);
  };
  const decide: QueueHandle["decide"] = (alerts, disposition, note) => {
    setAdded(null);
    return act(alerts, disposition, note);
  };
  const handle: QueueHandle = {
    at: (id, step) => neighbour(queue, id, step),
    go: (id) => void navigate({ to: "/alerts/$alertId", params: { alertId: id }, search: (old) => old }),
    back: () => void navigate({ to: "/alerts", search: (old) => old }),
    decide,
    undo: back,
    last,
    give: (alerts) => ask("give", alerts),
    giveToMe: (alerts) => giveTo(alerts, me),
    addToCase: (alerts) => ask("case", alerts),
  };

  const lines = useMemo<Row[]>(
    () =>
      queue.items.flatMap((item) => [
        { key: item.item_id, item, alert: item.head, member: false },
        ...(open.has(item.item_id) && item.members.length > 1
          ? item.members.map((alert) => ({ key: `${item.item_id} ${alert.alert_id}`, item, alert, member: true }))
          : []),
      ]),
    [queue.items, open],
  );
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (lines[index]?.member ? 34 : 84),
    getItemKey: (index) => keyOf(lines[index], index),
    overscan: 8,
  });
  const shown =
    lines.find((line) => line.alert.alert_id === alertId) ??
    lines.find((line) => line.item.members.some((each) => each.alert_id === alertId));
  const current = alertId ? shown : lines.find((line) => line.key === focus);
  const currentAt = current ? lines.indexOf(current) : -1;
  // An open alert is seen in the list. A row that gets the focus stays where it is: the mouse that pressed it is not up yet,
  // and a click that begins and ends on two rows is none.
  const opened = alertId && current?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another alert scrolls, not a list that grew
  useEffect(() => {
    if (opened) rows.scrollToIndex(currentAt, { align: "auto" });
  }, [opened]);
  const point = (at: number) => {
    setFocus(lines[at]?.key ?? null);
    rows.scrollToIndex(at, { align: "auto" });
  };

  const lowest = rows.getVirtualItems().at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && lowest >= lines.length - 10) void fetchNextPage();
  }, [lowest, lines.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  const move = (step: 1 | -1) => {
    const left = (line: Row) => (line.member ? queue.leaving.has(line.alert.alert_id) : hasLeft(queue, line.item));
    for (let at = currentAt < 0 && step === -1 ? -1 : currentAt + step; at >= 0 && at < lines.length; at += step) {
      const line = lines[at];
      if (line && !left(line)) return point(at);
    }
  };
  const unfold = (id: string | undefined, on?: boolean) => {
    if (!id) return;
    const next = new Set(open);
    if (on ?? !open.has(id)) next.add(id);
    else next.delete(id);
    setOpen(next);
  };
  const tick = (item: QueueItem, range: boolean) =>
    setSelection(range ? extend(kept, order, item.item_id) : toggle(kept, item.item_id));
  // What a key is about: all that is selected, else what the focus is on.
  const meant = () =>
    some ? chosen.flatMap(stay) : current ? (current.member ? [current.alert] : stay(current.item)) : [];
  useKeys(
    {
      j: () => move(1),
      k: () => move(-1),
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      ArrowRight: () => unfold(current?.item.item_id, true),
      ArrowLeft: () => {
        unfold(current?.item.item_id, false);
        if (current?.member) point(lines.findIndex((line) => line.key === current.item.item_id));
      },
      Enter: () => current && handle.go(current.alert.alert_id),
    },
    alertId === undefined,
  );
  useKeys(
    {
      x: () => {
        if (!current) return;
        tick(current.item, false);
        move(1);
      },
      "Shift+x": () => current && tick(current.item, true),
      "*": () => setSelection(everything(kept, order)),
      a: () => ask("give", meant()),
      "Shift+a": () => giveTo(meant(), me),
      e: () => ask("case", meant()),
      u: () => void back(),
    },
    alertId === undefined && may,
  );
  const undo = last ? () => void back() : undefined;
  const word = filter.state === "open" ? "to review" : filter.state === "closed" ? "decided" : "in all";
  const said = added ? <AddedTo added={added} /> : batch.said;

  return (
    <div className={alertId ? "queue reviewing" : "queue"}>
      <section className="list" aria-label="Alerts">
        <header className="bar-of-page">
          <h1>
            Alerts <small>{query.isPending ? "" : `${total.toLocaleString("en-US")} ${word}`}</small>
          </h1>
          <QueueFilters folded={alertId !== undefined} />
          <QueueTabs here="alerts" />
          <div className="news" aria-live="polite">
            {queue.waiting.length > 0 && (
              <button
                type="button"
                className="button small primary"
                onClick={() => {
                  scroller.current?.scrollTo({ top: 0 });
                  letIn();
                }}
              >
                {queue.waiting.length} new{alertId ? "" : queue.waiting.length === 1 ? " alert" : " alerts"}: show
              </button>
            )}
          </div>
        </header>
        {filter.sort === "value" && !alertId && <AboutValue />}
        {none ? (
          <NoStore asked={search.store} to="/alerts" />
        ) : query.isPending ? (
          <Skeleton rows={8} height={76} label="Loading alerts" />
        ) : query.isError && queue.items.length === 0 ? (
          <Failed error={query.error} retry={() => query.refetch()} />
        ) : queue.items.length === 0 ? (
          <Nothing filtered={asks(filter)} />
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
                const line = lines[row.index];
                if (!line) return null;
                const { item, alert, member, key } = line;
                const tz = zone(alert.store_id);
                const selected = line === current;
                return (
                  <li
                    key={row.key}
                    data-index={row.index}
                    ref={rows.measureElement}
                    style={{ transform: `translateY(${row.start}px)` }}
                  >
                    {member ? (
                      <MemberRow
                        alert={alert}
                        zone={tz}
                        selected={selected}
                        left={queue.leaving.has(alert.alert_id)}
                        focused={() => setFocus(key)}
                      />
                    ) : (
                      <QueueRow
                        item={item}
                        zone={tz}
                        many={stores.length > 1}
                        selected={selected}
                        left={hasLeft(queue, item)}
                        ticked={may && !alertId ? kept.chosen.has(item.item_id) : undefined}
                        tick={(range) => tick(item, range)}
                        open={open.has(item.item_id)}
                        fold={() => unfold(item.item_id)}
                        focused={() => setFocus(key)}
                      />
                    )}
                  </li>
                );
              })}
            </ul>
            {isFetchingNextPage && <Skeleton rows={2} height={60} />}
          </div>
        )}
        {!alertId && (
          <div className="dock">
            <Said said={said} failed={batch.failed} undo={undo} />
            {some && (
              <BulkBar
                items={chosen.length}
                alerts={toDecide.length}
                busy={batch.busy}
                decide={(disposition, note) =>
                  // What had changed stays selected: it is to be looked at again.
                  void decide(toDecide, disposition, note).then(({ changed }) => {
                    const again = new Set(changed.map((each) => each.alert_id));
                    const left = chosen.filter((item) => item.members.some((each) => again.has(each.alert_id)));
                    setSelection({ chosen: new Set(left.map((item) => item.item_id)), from: null });
                  })
                }
                give={() => ask("give", chosen.flatMap(stay))}
                addToCase={() => ask("case", chosen.flatMap(stay))}
                clear={() => setSelection(NOTHING)}
              />
            )}
          </div>
        )}
      </section>
      <QueueContext value={handle}>
        {alertId && (
          <div className="beside">
            <Said said={said} failed={batch.failed} undo={undo} />
            <Outlet />
          </div>
        )}
      </QueueContext>
      {asking?.what === "give" && (
        <GivePicker
          count={asking.alerts.length}
          close={() => setAsking(null)}
          choose={(assignee) => {
            setAsking(null);
            giveTo(asking.alerts, assignee);
          }}
        />
      )}
      {asking?.what === "case" && (
        <CasePicker
          things={{ alerts: asking.alerts.map((each) => each.alert_id), receipts: [] }}
          close={() => setAsking(null)}
          done={(into) => {
            setAsking(null);
            setAdded(into);
            batch.say("");
          }}
        />
      )}
    </div>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) {
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
      <p>
        New alerts appear here by themselves. What was held back{" "}
        <Link to="/alerts" search={{ sent: "held" }}>
          can be browsed
        </Link>
        .
      </p>
      <p>
        Was everything seen? <Link to="/cameras">Cameras and coverage</Link> says where the system was blind.
      </p>
    </Empty>
  );
}
