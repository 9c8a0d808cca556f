// The daily exception report, as the store's manager reads it on a phone: the verdict first.
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Problem, queryString } from "../api/http";
import { reportMailsQuery, reportQuery } from "../api/queries";
import type { Exception, Report, ReportMail } from "../api/report";
import { hasNothing, verdictWords } from "../lib/day";
import { FOLLOWS } from "../lib/rates";
import { scale } from "../lib/scale";
import { dayWords, full, hourMinute, zoneName } from "../lib/time";
import { dispositionName, gapWords, isOpen, money, noStill, quantity, words } from "../lib/words";
import { Chip, DispositionMark, SeverityMark, StoreTime } from "../parts/bits";
import { DayPicker, useDayOfStore } from "../parts/DayPicker";
import { AxisHours } from "../parts/Lane";
import { NoStore } from "../parts/NoStore";
import { NotBegun } from "../parts/NotBegun";
import { Rates } from "../parts/Rates";
import { CameraLane, HoursChart } from "../parts/ReportCharts";
import { Say } from "../parts/Say";
import { speaks, useMe } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function ReportPage() {
  const search = useSearch({ from: "/reports" });
  // Yesterday's, which is whole, when no day is asked for.
  const { store, none, day, today } = useDayOfStore(search, 1);
  // A day that has not begun has no report. By the server's clock it may be one more than by this one's.
  const query = useQuery(reportQuery(day > today ? "" : (store?.id ?? ""), day));
  const refused = query.error instanceof Problem && query.error.title === "no such day";
  const ahead = day > today || (refused && day === today);
  // On a phone the verdict comes before what is done with it.
  const wide = window.matchMedia("(min-width: 800px)").matches;
  const save = query.data && (
    <p className="line save">
      {(["PDF", "CSV", "HTML"] as const).map((format) => (
        <a
          key={format}
          className="button small"
          href={`/api/v1/reports/file${queryString({ store: store?.id, day, format: format.toLowerCase() })}`}
          download
        >
          Save as {format}
        </a>
      ))}
    </p>
  );
  return (
    <div className="report">
      <header className="bar-of-page">
        <h1>
          Daily report <small>{store?.name}</small>
        </h1>
        <DayPicker to="/reports" store={store} day={day} today={today} />
        <span className="fill" />
        {wide && save}
      </header>
      {none ? (
        <NoStore asked={search.store} to="/reports" />
      ) : store && ahead ? (
        <NotBegun to="/reports" store={store} day={day} today={today} />
      ) : query.isError ? (
        <Failed error={query.error} retry={refused ? undefined : () => query.refetch()} />
      ) : query.data ? (
        <Body report={query.data} />
      ) : (
        <>
          <Skeleton rows={1} height={96} label="Loading the report" />
          <Skeleton rows={3} height={140} />
        </>
      )}
      {!wide && save}
    </div>
  );
}

const MAIL: Record<ReportMail["state"], string> = {
  waiting: "to be sent",
  sent: "sent",
  refused: "refused for good",
  given_up: "given up",
};

// Which mails left with it: a refusal must not go unseen.
function Mails({ report }: { report: Report }) {
  const query = useQuery(reportMailsQuery(report.store.id, report.business_day));
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  const mails = query.data?.items ?? [];
  if (mails.length === 0) return null;
  return (
    <section className="card" aria-labelledby="mails-title">
      <h2 id="mails-title">Sent by mail</h2>
      <dl className="facts">
        {mails.map((mail) => (
          <div key={`${mail.recipient} ${mail.revision}`}>
            <dt>
              {mail.recipient}
              {mail.revision > 0 && `, revision ${mail.revision}`}
            </dt>
            <dd>
              {mail.state === "sent" ? MAIL.sent : <b className="outside">{MAIL[mail.state]}</b>}
              {mail.ended_at && ` ${full(mail.ended_at, report.store.tz)}`}
              {mail.state !== "sent" && mail.said && (
                <small>
                  {mail.said}
                  {mail.attempts > 1 && ` (tried ${mail.attempts} times)`}
                </small>
              )}
              {mail.changes.map((change) => (
                <small key={change}>{change}</small>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Body({ report }: { report: Report }) {
  const { tz, currency } = report.store;
  if (hasNothing(report)) {
    return (
      <section className="card">
        <Empty title="Tillsight has nothing from this day">
          <p>No record of a till, and no camera was to record.</p>
        </Empty>
      </section>
    );
  }
  return (
    <>
      <section className={`card verdict ${report.verdict.level}`} aria-labelledby="verdict-title">
        <h2 id="verdict-title">
          <span aria-hidden="true">{{ quiet: "✓", look: "!", blind: "?" }[report.verdict.level]}</span>{" "}
          {verdictWords(report, new Date())}
        </h2>
        <p>{report.verdict.text}</p>
        <p className="quiet">
          {report.totals.sales} sales, {money(report.totals.sales_minor, currency)}; {report.totals.refunds} refunds,{" "}
          {money(report.totals.refunds_minor, currency)}
        </p>
        <p className="quiet">
          {dayWords(report.from, tz)}, {hourMinute(report.from, tz)} to {dayWords(report.to, tz)},{" "}
          {hourMinute(report.to, tz)} {zoneName(report.to, tz)}
        </p>
        {report.restated && (
          <p>
            <b>Restated: it counts what came after it was due, half an hour after closing.</b>
          </p>
        )}
      </section>
      <div className="two">
        <section aria-labelledby="exceptions-title" className="exceptions">
          <h2 id="exceptions-title">
            {report.exceptions.length === 0 && report.more === 0 ? "No exceptions" : "Exceptions"}
            {report.more > 0 && (
              <small>
                {" "}
                and{" "}
                <Link to="/alerts" search={{ state: "all", sent: "all", store: report.store.id }}>
                  {report.more} more to browse
                </Link>
                {report.held.length > 0 && `: ${report.held.map((each) => each.words).join(", ")}`}
              </small>
            )}
          </h2>
          {report.exceptions.length === 0 && report.more === 0 && (
            <Empty title="Nothing to look at">
              <p>No rule fired that day. The box “Could we see?” says how much of the day was seen.</p>
            </Empty>
          )}
          {report.exceptions.map((each) => (
            <Item key={each.alert_id} item={each} zone={tz} currency={currency} />
          ))}
        </section>
        <div className="side">
          <Sight report={report} />
          <HoursChart report={report} />
          <Mails report={report} />
          <Rates report={report} />
          <details className="card">
            <summary>Where the other numbers come from</summary>
            <ul className="bullets">
              {FOLLOWS.map((words) => (
                <li key={words}>{words}</li>
              ))}
            </ul>
            {report.questions.map((each) => (
              <div key={each.name}>
                <h3>{each.name}</h3>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard */}
                <pre tabIndex={0}>{each.sql}</pre>
              </div>
            ))}
          </details>
          <p className="quiet">
            Made {full(report.made_at, tz)}
            {report.as_of && ` from records up to ${full(report.as_of, tz)}`}.
          </p>
        </div>
      </div>
    </>
  );
}

function Item({ item, zone, currency }: { item: Exception; zone: string; currency: string }) {
  const [gone, setGone] = useState(false);
  // Whether the store is still asked what it knows of it.
  const mine = speaks(useMe()) && isOpen(item.disposition);
  return (
    <article className="card exception">
      {item.still_url && !gone ? (
        <img
          src={item.still_url}
          alt={`Still at ${hourMinute(item.event_time, zone)}`}
          loading="lazy"
          onError={() => setGone(true)}
        />
      ) : (
        <div className="still" title={item.no_still ?? undefined}>
          No picture{item.no_still && `: ${noStill(item.no_still)}`}
        </div>
      )}
      <div>
        <p className="first">
          <SeverityMark severity={item.severity} />
          <StoreTime at={item.event_time} zone={zone} />
          {!isOpen(item.disposition) && <DispositionMark disposition={item.disposition} />}
        </p>
        <h3>
          <Link to="/alerts/$alertId" params={{ alertId: item.alert_id }} search={{ state: "all" }}>
            {item.title}
          </Link>{" "}
          <span className="amount">{money(item.amount_minor, currency)}</span>
        </h3>
        <p>{item.reason}</p>
        {item.lines.length > 0 && (
          <ul className="decisive">
            {item.lines.map((line, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines of a receipt, which may repeat
              <li key={at}>
                <span>
                  {line.action !== "SALE" && <b>{words(line.action)} </b>}
                  {line.description ?? "Item"}
                  {line.qty_milli !== null && line.qty_milli !== 1000 ? ` × ${quantity(line.qty_milli)}` : ""}
                </span>
                <span>{money(line.extended_minor, currency)}</span>
              </li>
            ))}
          </ul>
        )}
        <p className="meta">
          <Chip>Register {item.register_id}</Chip>
          {item.operator_id && <Chip>Operator {item.operator_id}</Chip>}
          {item.receipt_no && <Chip>Receipt {item.receipt_no}</Chip>}
        </p>
        <p className="quiet">{item.clock}</p>
        {mine ? (
          <Say alert={item.alert_id} said={item.said} zone={zone} />
        ) : (
          item.said.map((said) => (
            <p key={said.review_id}>
              <b>{dispositionName(said.disposition)}</b>, {said.reviewer},{" "}
              <StoreTime at={said.reviewed_at} zone={zone} form="brief" />
              {said.note && `: ${said.note}`}
            </p>
          ))
        )}
      </div>
    </article>
  );
}

function lag(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

function Sight({ report }: { report: Report }) {
  const { sight, store } = report;
  const axis = useMemo(() => scale(report.from, report.to), [report.from, report.to]);
  return (
    <section className="card sight" aria-labelledby="sight-title">
      <h2 id="sight-title">Could we see?</h2>
      <dl className="facts">
        {sight.cameras.map((camera) => (
          <div key={camera.camera_id}>
            <dt>Camera {camera.name}</dt>
            <dd>
              {camera.uptime_permille === null ? (
                "was not to record that day"
              ) : (
                <>
                  {(camera.uptime_permille / 10).toFixed(1)} % of its time recorded
                  <CameraLane camera={camera} axis={axis} />
                </>
              )}
              {camera.gaps.slice(0, 4).map((gap) => (
                <small key={gap.start_at}>
                  {hourMinute(gap.start_at, store.tz)} to {hourMinute(gap.end_at, store.tz)}{" "}
                  {zoneName(gap.end_at, store.tz)}: {gapWords(gap.reason)}
                </small>
              ))}
              {camera.gaps.length > 4 && <small>and {camera.gaps.length - 4} more gaps</small>}
            </dd>
          </div>
        ))}
        {sight.cameras.some((camera) => camera.uptime_permille !== null && camera.gaps.length > 0) && (
          <div className="hours">
            <dt>
              <span className="hidden">Hours</span>
            </dt>
            <dd>
              <AxisHours axis={axis} zone={store.tz} />
            </dd>
          </div>
        )}
        {sight.zones
          .filter((zone) => zone.unknown_seconds > 0)
          .map((zone) => (
            <div key={zone.zone_id}>
              <dt>Zone {zone.zone_id}</dt>
              <dd>{Math.ceil(zone.unknown_seconds / 60)} min without knowing whether somebody was there</dd>
            </div>
          ))}
        <div>
          <dt>Till records behind</dt>
          <dd>
            {sight.pos_lag_ms_p95 === null ? "not measured" : `${lag(sight.pos_lag_ms_p95)} (95 of 100 are faster)`}
          </dd>
        </div>
        <div>
          <dt>Records set aside</dt>
          <dd>
            {sight.quarantined === null
              ? "not known: the broker does not answer"
              : sight.quarantined === 0
                ? "none"
                : `${sight.quarantined} could not be read`}
          </dd>
        </div>
        <div>
          <dt>Clocks not synchronised</dt>
          <dd>
            {sight.unsynchronised_lanes.length === 0 ? "none" : `register ${sight.unsynchronised_lanes.join(", ")}`}
          </dd>
        </div>
        {sight.unknown_registers.length > 0 && (
          <div>
            <dt>Registers that nobody knows</dt>
            <dd>register {sight.unknown_registers.join(", ")}</dd>
          </div>
        )}
        <div>
          <dt>Could not be judged</dt>
          <dd>
            {sight.indeterminate.length === 0
              ? "none"
              : sight.indeterminate.map((each) => (
                  <small key={each.rule_id}>{`${each.name}: ${each.count} of ${each.of}, mostly ${each.why}`}</small>
                ))}
          </dd>
        </div>
      </dl>
      <p>
        <Link to="/cameras" search={{ store: store.id, day: report.business_day }}>
          The whole day, {dayWords(`${report.business_day}T12:00:00Z`, "UTC")}
        </Link>
      </p>
    </section>
  );
}
