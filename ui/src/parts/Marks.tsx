// Alerts and receipts on the timeline of free playback, and the list of those that somebody chose.
import { Link } from "@tanstack/react-router";
import type { Bucket, Hit } from "../api/types";
import { fraction, percent, place, type Scale } from "../lib/scale";
import { clock, time } from "../lib/time";
import { cluster } from "../lib/watch";
import { money } from "../lib/words";
import { SeverityMark, StoreTime } from "./bits";

// An event of the till where the cameras' clock has it.
export type Mark = { at: number; hit: Hit };
export type Marked = {
  alerts: Mark[];
  receipts: Mark[];
  // How many there were when, instead of too many receipts.
  buckets: Bucket[];
  // Whose receipts, as the end of a sentence.
  of: string;
};

// WCAG 2.2: a target is 24 pixels wide.
const APART = 24;

type Props = { marked: Marked; view: Scale; width: number; zone: string; choose: (group: Mark[]) => void };

export function Marks({ marked, view, width, zone, choose }: Props) {
  return (
    <>
      <Row kind="alert" marks={marked.alerts} {...{ view, width, zone, choose }} />
      {marked.buckets.length > 0 ? (
        <Density buckets={marked.buckets} view={view} />
      ) : (
        <Row kind="receipt" marks={marked.receipts} {...{ view, width, zone, choose }} />
      )}
    </>
  );
}

type RowProps = Omit<Props, "marked"> & { kind: "alert" | "receipt"; marks: Mark[] };

function Row({ kind, marks, view, width, zone, choose }: RowProps) {
  const groups = cluster(marks, view, width, APART);
  return (
    <div className={`marks of-${kind}`}>
      {groups.map((group) => {
        const first = group[0];
        if (!first) return null;
        const many = group.length > 1 ? `${group.length} ${kind}s, first: ` : "";
        const text = `${many}${first.hit.title}, ${time(new Date(first.at), zone)}`;
        return (
          <button
            type="button"
            key={`${first.hit.kind} ${first.hit.id}`}
            // Keys go from mark to mark with [ and ], and the list below has them all.
            tabIndex={-1}
            style={{ left: percent(fraction(view, first.at)) }}
            title={text}
            aria-label={text}
            onClick={() => choose(group)}
          >
            {group.length > 1 && <span>{group.length}</span>}
          </button>
        );
      })}
    </div>
  );
}

function Density({ buckets, view }: { buckets: Bucket[]; view: Scale }) {
  const most = Math.max(1, ...buckets.map((each) => each.receipts));
  const total = buckets.reduce((sum, each) => sum + each.receipts, 0);
  return (
    <div className="marks density" role="img" aria-label={`${total} receipts: closer, each is shown`}>
      {buckets.map((each) => {
        const at = place(view, each.start_at, each.end_at);
        if (!at || each.receipts === 0) return null;
        return (
          <i
            key={each.start_at}
            style={{
              left: percent(at.left),
              width: percent(at.width),
              height: `${Math.max(8, (each.receipts / most) * 100)}%`,
            }}
          />
        );
      })}
    </div>
  );
}

const SHOWN = 8;

export function Chosen({
  group,
  zone,
  go,
  close,
}: {
  group: Mark[];
  zone: string;
  go: (at: number) => void;
  close: () => void;
}) {
  return (
    <section className="card chosen" aria-label="Chosen on the timeline">
      <ul className="plain">
        {group.slice(0, SHOWN).map((each) => (
          <MarkLine key={`${each.hit.kind} ${each.hit.id}`} mark={each} zone={zone} go={go} />
        ))}
        {group.length > SHOWN && (
          <li className="quiet">and {group.length - SHOWN} more: closer (+), they come apart</li>
        )}
      </ul>
      <button type="button" className="icon" aria-label="Close" title="Close (Esc)" onClick={close}>
        ×
      </button>
    </section>
  );
}

// One event: to its instant, and to its page.
export function MarkLine({ mark, zone, go }: { mark: Mark; zone: string; go: (at: number) => void }) {
  const { hit, at } = mark;
  return (
    <li className="mark-line">
      <button type="button" className="button small" onClick={() => go(at)} title="Go there">
        {clock(new Date(at), zone)}
      </button>
      {hit.severity ? <SeverityMark severity={hit.severity} /> : <span className="kind">Receipt</span>}
      {hit.alert_id && hit.kind === "alert" ? (
        <Link to="/alerts/$alertId" params={{ alertId: hit.alert_id }} search={{ state: "all" }}>
          {hit.title}
        </Link>
      ) : (
        <Link to="/transactions/$eventId" params={{ eventId: hit.event_id }}>
          {hit.title}
        </Link>
      )}
      <span className="amount">{money(hit.amount_minor, hit.currency)}</span>
      <span className="quiet">
        register {hit.register_id}, by the till <StoreTime at={hit.event_time} zone={zone} />
      </span>
    </li>
  );
}
