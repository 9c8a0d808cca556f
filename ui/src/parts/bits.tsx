// Small parts that many pages show.
import type { ReactNode } from "react";
import type { AlertSummary, CaseStatus, Disposition, Remark, Severity } from "../api/types";
import { sendingMark } from "../lib/sending";
import { brief, full, time } from "../lib/time";
import { caseStatus, dispositionName } from "../lib/words";

const RANK: Record<Severity, number> = { info: 0, low: 1, medium: 2, high: 3, critical: 4 };

// How much it matters: bars and a word, so that colour is never alone.
export function SeverityMark({ severity }: { severity: Severity }) {
  return (
    <span className={`severity ${severity}`}>
      <span className="bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} className={bar <= RANK[severity] ? "on" : ""} />
        ))}
      </span>
      {severity}
    </span>
  );
}

export function DispositionMark({ disposition }: { disposition: Disposition | Remark | null }) {
  return <span className={`chip disposition ${disposition ?? "open"}`}>{dispositionName(disposition)}</span>;
}

// Why an alert was not sent, or is shown all the same; nothing of one that was sent.
export function SendingMark({ alert }: { alert: Pick<AlertSummary, "sending" | "picked"> }) {
  const mark = sendingMark(alert);
  return (
    mark && (
      <span className={`chip ${alert.picked === null ? "browse" : "picked"}`} title={mark.help}>
        {mark.name}
      </span>
    )
  );
}

export function CaseStatusMark({ status }: { status: CaseStatus }) {
  return <span className={`chip case-${status}`}>{caseStatus(status)}</span>;
}

// A time in the store; hovering shows it in UTC and in the viewer's own zone.
export function StoreTime({ at, zone, form = "time" }: { at: string; zone: string; form?: "time" | "full" | "brief" }) {
  const text = form === "full" ? full(at, zone) : form === "brief" ? brief(at, zone, new Date()) : time(at, zone);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <time dateTime={at} title={`${full(at, zone)}\n${full(at, "UTC")}\nHere: ${full(at, here)}`}>
      {text}
    </time>
  );
}

export function Key({ children }: { children: ReactNode }) {
  return (
    <span aria-hidden="true">
      <kbd>{children}</kbd>
    </span>
  );
}

export function Chip({ tone = "", children }: { tone?: string; children: ReactNode }) {
  return <span className={`chip ${tone}`}>{children}</span>;
}
