// The receipt beside the video: the line that was rung at the shown moment is marked; a click on a line goes there.
import { useEffect, useMemo, useRef, useState } from "react";
import type { Line, Transaction } from "../api/types";
import { type Deck, lastAt } from "../lib/deck";
import { clock, time } from "../lib/time";
import { money, quantity, words } from "../lib/words";
import { useDeck } from "./useDeck";

// `about` is the numbers of the lines that an alert is about.
type Props = { transaction: Transaction; deck: Deck | null; zone: string; about?: number[] };

// Lines with a time on the video's clock, in its order.
export function timed(lines: Line[]): { line: Line; at: number }[] {
  return lines
    .flatMap((line) => (line.camera_at ? [{ line, at: Date.parse(line.camera_at) }] : []))
    .sort((one, other) => one.at - other.at);
}

const NONE: number[] = [];

export function Receipt({ transaction, deck, zone, about = NONE }: Props) {
  const [printed, setPrinted] = useState(false);
  const { currency } = transaction;
  return (
    <section className="receipt card" aria-labelledby={`receipt-${transaction.event_id}`}>
      <header>
        <div>
          <h2 id={`receipt-${transaction.event_id}`}>
            {words(transaction.kind)}
            {transaction.training && <span className="chip warn">Training</span>}
          </h2>
          <p className="quiet">
            {transaction.receipt_no ? `Receipt ${transaction.receipt_no} · ` : ""}
            {time(transaction.event_time, zone)} by the till
          </p>
          {transaction.supervisor_id && (
            <p className="quiet">
              Approved by {transaction.supervisor_id}
              {transaction.supervisor_id === transaction.operator_id && ", the operator"}
            </p>
          )}
        </div>
        {transaction.receipt_text && (
          <button
            type="button"
            className="button small toggle"
            aria-pressed={printed}
            onClick={() => setPrinted(!printed)}
          >
            As printed
          </button>
        )}
      </header>
      {printed && transaction.receipt_text ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard
        <pre tabIndex={0}>{transaction.receipt_text}</pre>
      ) : (
        <>
          {transaction.lines.length === 0 ? (
            <p className="quiet nothing">No lines on this receipt.</p>
          ) : deck ? (
            <Lines transaction={transaction} deck={deck} zone={zone} about={about} />
          ) : (
            <Still transaction={transaction} zone={zone} about={about} />
          )}
          <dl className="sums">
            {transaction.net_minor !== null && transaction.net_minor !== transaction.total_minor && (
              <Sum name="Net" value={money(transaction.net_minor, currency)} />
            )}
            {!!transaction.tax_minor && <Sum name="Tax" value={money(transaction.tax_minor, currency)} />}
            {transaction.total_minor !== null && (
              <Sum name="Total" value={money(transaction.total_minor, currency)} strong />
            )}
            {transaction.tenders.map((tender) => (
              <Sum
                key={tender.tender_no}
                name={`${words(tender.tender_type)}${tender.direction === "OUT" ? ", paid out" : ""}${tender.pan_masked ? ` ${tender.pan_masked}` : ""}`}
                value={`${tender.direction === "OUT" ? "−" : ""}${money(tender.amount_minor, currency)}`}
              />
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

function Sum({ name, value, strong }: { name: string; value: string; strong?: boolean }) {
  return (
    <div className={strong ? "strong" : ""}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

// Only the list scrolls, never the page.
function bring(list: HTMLOListElement | null, number: number | undefined): void {
  const line = list?.querySelector<HTMLElement>(`[data-line="${number}"]`);
  if (!line || !list) return;
  const top = line.offsetTop - list.offsetTop;
  if (top < list.scrollTop || top + line.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = top - list.clientHeight / 3;
  }
}

type LinesProps = { transaction: Transaction; zone: string; about: number[] };

function Lines({ transaction, deck, zone, about }: LinesProps & { deck: Deck }) {
  const order = useMemo(() => timed(transaction.lines), [transaction]);
  const instants = useMemo(() => order.map((each) => each.at), [order]);
  const index = useDeck(deck, (each) => lastAt(instants, each.now));
  const current = order[index]?.line.line_no;
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => bring(list.current, current), [current]);
  return (
    <ol className="lines" ref={list}>
      {transaction.lines.map((line) => (
        <li key={line.line_no} data-line={line.line_no} className={tone(line, about)}>
          {line.camera_at ? (
            <button
              type="button"
              aria-current={line.line_no === current ? "step" : undefined}
              title="Show this moment"
              onClick={() => deck.seek(Date.parse(line.camera_at ?? ""))}
            >
              <Text line={line} currency={transaction.currency} zone={zone} about={about.includes(line.line_no)} />
            </button>
          ) : (
            <div>
              <Text line={line} currency={transaction.currency} zone={zone} about={about.includes(line.line_no)} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}

// Without a picture nothing runs: what the alert is about is marked, and seen.
function Still({ transaction, zone, about }: LinesProps) {
  const list = useRef<HTMLOListElement>(null);
  const [first] = about;
  useEffect(() => bring(list.current, first), [first]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard
    <ol className="lines" tabIndex={0} ref={list}>
      {transaction.lines.map((line) => (
        <li key={line.line_no} data-line={line.line_no} className={tone(line, about)}>
          <div>
            <Text line={line} currency={transaction.currency} zone={zone} about={about.includes(line.line_no)} />
          </div>
        </li>
      ))}
    </ol>
  );
}

function tone(line: Line, about: number[]): string {
  const of = about.includes(line.line_no) ? "about" : "";
  if (line.action === "VOID") return `void ${of}`;
  if (line.action === "RETURN") return `return ${of}`;
  return of;
}

function Text({ line, currency, zone, about }: { line: Line; currency: string; zone: string; about: boolean }) {
  const minus =
    line.action === "RETURN" || line.action === "VOID" || line.action === "DISCOUNT" || line.action === "COUPON";
  return (
    <>
      <span className="at">{line.at ? clock(line.at, zone) : ""}</span>
      <span className="what">
        {line.action !== "SALE" && <b className="action">{words(line.action)}</b>}
        {line.description ?? line.gtin ?? "Item"}
        {line.qty_milli !== null && line.qty_milli !== 1000 && <small> × {quantity(line.qty_milli, line.uom)}</small>}
        {line.price_override && (
          <small className="flag"> price changed from {money(line.regular_price_minor, currency) || "another"}</small>
        )}
        {about && <small className="flag hidden"> The alert is about this line.</small>}
        {!!line.discount_minor && line.action !== "DISCOUNT" && (
          <small> {money(line.discount_minor, currency)} off</small>
        )}
      </span>
      <span className="price">
        {line.extended_minor !== null
          ? `${minus && line.extended_minor ? "−" : ""}${money(line.extended_minor, currency)}`
          : ""}
      </span>
    </>
  );
}
