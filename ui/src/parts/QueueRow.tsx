// An item of the queue, and the alerts it is made of.
import { Link } from "@tanstack/react-router";
import type { MouseEvent } from "react";
import type { AlertSummary, Asked, QueueItem } from "../api/types";
import { decisions, decisionWords, spanOf, sumOf } from "../lib/item";
import { ago, briefSpan, full } from "../lib/time";
import { dispositionName, isOpen, money, words } from "../lib/words";
import { Chip, DispositionMark, SendingMark, SeverityMark, StoreTime } from "./bits";

type Props = {
  item: QueueItem;
  zone: string;
  many: boolean;
  selected: boolean;
  left: boolean;
  // Ticked for what is done to many; undefined where nothing can be ticked.
  ticked: boolean | undefined;
  tick: (range: boolean) => void;
  open: boolean;
  fold: () => void;
  focused: () => void;
};

export function QueueRow({ item, zone, many, selected, left, ticked, tick, open, fold, focused }: Props) {
  const alert = item.head;
  const count = item.members.length;
  const sum = count > 1 ? sumOf(item.members) : null;
  return (
    <div className={`item${ticked ? " ticked" : ""}`}>
      {ticked !== undefined && (
        <label className="tick">
          <input
            type="checkbox"
            checked={ticked}
            aria-label={`Select ${alert.title}`}
            onFocus={focused}
            onChange={() => undefined}
            onClick={(event) => tick(event.shiftKey)}
          />
        </label>
      )}
      <Link
        to="/alerts/$alertId"
        params={{ alertId: alert.alert_id }}
        search={(old) => old}
        className={`alert ${alert.severity}${selected ? " selected" : ""}${left ? " left" : ""}`}
        aria-current={selected ? "true" : undefined}
        onFocus={focused}
        onClick={(event: MouseEvent) => {
          if (!event.shiftKey || ticked === undefined) return;
          event.preventDefault();
          tick(true);
        }}
      >
        <span className="first">
          <SeverityMark severity={alert.severity} />
          <ItemTime members={item.members} zone={zone} />
          <span className="ago">{ago(alert.raised_at, new Date())}</span>
        </span>
        <span className="title">{alert.title}</span>
        <span className="amount">
          {sum ? money(sum.minor, sum.currency) : money(item.amount_minor, item.currency)}
          {sum && sum.receipts > 1 && <small>{sum.receipts} receipts</small>}
          {item.expected_minor !== null && (
            <small
              title={
                count > 1
                  ? "Of the alert that stands for the item: its amount, times how often alerts of its rule were confirmed"
                  : "The amount, times how often alerts of this rule were confirmed"
              }
            >
              {" "}
              {money(item.expected_minor, item.currency)} expected
            </small>
          )}
        </span>
        <span className="reason">{alert.reason}</span>
        <span className="meta">
          {many && <Chip>Store {alert.store_id}</Chip>}
          <Chip>Register {alert.register_id}</Chip>
          {alert.operator_id && <Chip>Operator {alert.operator_id}</Chip>}
          {item.assignee && <Chip tone="mine">For {item.assignee}</Chip>}
          {item.asked && <AskedMark asked={item.asked} zone={zone} />}
          <Marks alert={alert} members={item.members} />
        </span>
      </Link>
      {count > 1 && (
        <button
          type="button"
          className="button small fold"
          aria-expanded={open}
          title={`${open ? "Fold" : "Show"} the alerts of this item (${open ? "←" : "→"}): of one receipt, or of one operator within seconds at one camera`}
          onFocus={focused}
          onClick={fold}
        >
          {count} <span>alerts</span> <span aria-hidden="true">{open ? "▾" : "▸"}</span>
        </button>
      )}
    </div>
  );
}

// Who asked, when and from which report stands where the pointer rests, and in the history of the alert.
function AskedMark({ asked, zone }: { asked: Asked; zone: string }) {
  const report = asked.report_day ? `, from the report of ${asked.report_day}` : "";
  return (
    <span className="chip look_at_it" title={`${asked.by}, ${full(asked.at, zone)}${report}`}>
      {dispositionName("look_at_it")}
    </span>
  );
}

// When it was; of several alerts, from the first to the last.
export function ItemTime({ members, zone }: { members: AlertSummary[]; zone: string }) {
  const { from, to } = spanOf(members);
  if (from === to) return <StoreTime at={from} zone={zone} form="brief" />;
  return (
    <time dateTime={from} title={`${full(from, zone)} to\n${full(to, zone)}`}>
      {briefSpan(from, to, zone, new Date())}
    </time>
  );
}

// Alerts of an item that were decided differently. Where there is little room the gravest is named alone.
function Mixed({ made }: { made: ReturnType<typeof decisions> }) {
  const [first, ...others] = made.map(decisionWords);
  const rest = others.join(", ");
  return (
    <span className={`chip disposition mixed ${made[0]?.code}`} title={`Mixed: ${first}, ${rest}`}>
      Mixed: {first}
      <span className="rest">, {rest}</span>
      <span className="more" aria-hidden="true">
        , …
      </span>
    </span>
  );
}

function Marks({ alert, members = [alert] }: { alert: AlertSummary; members?: AlertSummary[] }) {
  const made = decisions(members);
  return (
    <>
      <SendingMark alert={alert} />
      {!alert.has_video && <Chip tone="warn">No video</Chip>}
      {alert.provisional && <Chip tone="warn">Provisional</Chip>}
      {alert.state !== "standing" && <Chip tone="warn">{words(alert.state)}</Chip>}
      {made.length > 1 ? (
        <Mixed made={made} />
      ) : (
        (!isOpen(alert.disposition) || alert.disposition === "reopened") && (
          <DispositionMark disposition={alert.disposition} />
        )
      )}
    </>
  );
}

type MemberProps = { alert: AlertSummary; zone: string; selected: boolean; left: boolean; focused?: () => void };

// One alert of an item, in a line.
export function MemberRow({ alert, zone, selected, left, focused }: MemberProps) {
  return (
    <Link
      to="/alerts/$alertId"
      params={{ alertId: alert.alert_id }}
      search={(old) => old}
      className={`member ${alert.severity}${selected ? " selected" : ""}${left ? " left" : ""}`}
      aria-current={selected ? "true" : undefined}
      onFocus={focused}
    >
      <SeverityMark severity={alert.severity} />
      <StoreTime at={alert.event_time} zone={zone} form="brief" />
      <span className="title">{alert.title}</span>
      <span className="amount">{money(alert.amount_minor, alert.currency)}</span>
      <Marks alert={alert} />
    </Link>
  );
}
