// The rows of a result, of any length.
import { Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Hit } from "../api/types";
import { useKeys } from "../lib/keys";
import type { Results } from "../lib/results";
import { snippet } from "../lib/search";
import { money } from "../lib/words";
import { Chip, DispositionMark, SeverityMark, StoreTime } from "./bits";
import { type Added, AddedTo, CasePicker } from "./CasePicker";
import { Said } from "./Said";
import { useMayReview, useStores } from "./session";
import { Failed } from "./states";
import { PHONE, useMedia } from "./useMedia";

// Where one was in the last result, for whoever comes back to it.
let place = { asked: "", offset: 0, focus: -1 };

export function Hits({ results, asked }: { results: Results; asked: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const { zone, stores } = useStores();
  const navigate = useNavigate();
  const may = useMayReview();
  const [before] = useState(() => (place.asked === asked ? place : { asked, offset: 0, focus: -1 }));
  const [focus, setFocus] = useState(before.focus);
  const [adding, setAdding] = useState<Hit | null>(null);
  const [added, setAdded] = useState<Added | null>(null);
  useSyncExternalStore(results.subscribe, () => results.version);
  // All rows are of one height: nothing is measured, and row 80,000 is where the scrollbar says.
  const height = useMedia(PHONE) ? 142 : 72;
  const rows = useVirtualizer({
    count: results.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    initialOffset: before.offset,
    overscan: 10,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: when it changes, every row has another place
  useEffect(() => rows.measure(), [height]);
  const shown = rows.getVirtualItems();
  const first = shown[0]?.index ?? 0;
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => results.want(first, last), [results, first, last]);
  const offset = rows.scrollOffset ?? 0;
  useEffect(() => {
    place = { asked, offset, focus };
  }, [asked, offset, focus]);
  const move = (to: number) => {
    const at = Math.min(results.length - 1, Math.max(0, to));
    setFocus(at);
    rows.scrollToIndex(at, { align: "auto" });
  };
  useKeys({
    j: () => move(focus + 1),
    k: () => move(focus - 1),
    ArrowDown: () => move(focus + 1),
    ArrowUp: () => move(focus - 1),
    PageDown: () => move(focus + 8),
    PageUp: () => move(focus - 8),
    Home: () => move(0),
    End: () => move(results.length - 1),
    Enter: () => {
      const hit = results.at(focus);
      if (hit?.alert_id)
        void navigate({ to: "/alerts/$alertId", params: { alertId: hit.alert_id }, search: { state: "all" } });
      else if (hit) void navigate({ to: "/transactions/$eventId", params: { eventId: hit.event_id } });
    },
  });
  useKeys({ e: () => setAdding(results.at(focus) ?? null) }, may);
  return (
    <>
      <Said said={added ? <AddedTo added={added} /> : ""} failed={null} />
      {results.failed !== null && <Failed error={results.failed} retry={() => results.retry()} />}
      <div className="scroll" ref={scroller}>
        <ul style={{ height: rows.getTotalSize() }}>
          {shown.map((row) => {
            const hit = results.at(row.index);
            return (
              <li
                key={row.key}
                style={{ transform: `translateY(${row.start}px)`, height }}
                aria-setsize={results.length}
                aria-posinset={row.index + 1}
              >
                {hit ? (
                  <HitRow hit={hit} zone={zone(hit.store_id)} many={stores.length > 1} selected={row.index === focus} />
                ) : (
                  <div className="hit cold" aria-hidden="true" />
                )}
              </li>
            );
          })}
        </ul>
      </div>
      {adding && (
        <CasePicker
          things={
            adding.kind === "alert" && adding.alert_id
              ? { alerts: [adding.alert_id], receipts: [] }
              : { alerts: [], receipts: [adding.event_id] }
          }
          close={() => setAdding(null)}
          done={(into) => {
            setAdding(null);
            setAdded(into);
          }}
        />
      )}
    </>
  );
}

type RowProps = { hit: Hit; zone: string; many: boolean; selected: boolean };

const HitRow = memo(function HitRow({ hit, zone, many, selected }: RowProps) {
  const look = `hit of-${hit.kind}${selected ? " selected" : ""}`;
  const body = <HitBody hit={hit} zone={zone} many={many} />;
  if (hit.alert_id) {
    return (
      <Link
        to="/alerts/$alertId"
        params={{ alertId: hit.alert_id }}
        search={{ state: "all" }}
        className={look}
        preload={false}
      >
        {body}
      </Link>
    );
  }
  return (
    <Link to="/transactions/$eventId" params={{ eventId: hit.event_id }} className={look} preload={false}>
      {body}
    </Link>
  );
});

function HitBody({ hit, zone, many }: { hit: Hit; zone: string; many: boolean }) {
  return (
    <>
      <span className="first">
        {hit.severity ? <SeverityMark severity={hit.severity} /> : <span className="kind">Receipt</span>}
        <StoreTime at={hit.event_time} zone={zone} form="brief" />
      </span>
      <span className="title">{hit.replaced_by ? <s>{hit.title}</s> : hit.title}</span>
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
        {hit.replaced_by && <Chip tone="warn">Replaced by a correction</Chip>}
        {hit.replaces && <Chip>Corrects another</Chip>}
      </span>
    </>
  );
}
