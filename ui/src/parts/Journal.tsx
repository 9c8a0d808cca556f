// What else happened at the register, and what else its operator did, around a transaction; with what each rule said.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { journalQuery } from "../api/queries";
import type { JournalEntry, Judgement } from "../api/types";
import { time } from "../lib/time";
import { whyWords } from "../lib/why";
import { money, words } from "../lib/words";
import { Failed, Skeleton } from "./states";
import { useRuleNames } from "./useRuleNames";
import { MARK, SAID } from "./Verdicts";

const MINUTES = [15, 60, 240];

type Around = { eventId: string; register: string; operator: string | null; zone: string };

export function Journal({ eventId, register, operator, zone }: Around) {
  const [minutes, setMinutes] = useState(15);
  const [whose, setWhose] = useState<"both" | "register" | "operator">("both");
  const query = useQuery(journalQuery(eventId, minutes));
  const region = useRef<HTMLDivElement>(null);
  // What is asked about stands in the middle, without moving the page.
  const count = query.data?.entries.length;
  useEffect(() => {
    const row = count && region.current?.querySelector<HTMLElement>(".asked");
    if (row && region.current) region.current.scrollTop = row.offsetTop - region.current.clientHeight / 2;
  }, [count]);
  const shown = (query.data?.entries ?? []).filter(
    (each) =>
      whose === "both" ||
      (whose === "register"
        ? each.register_id === register
        : each.operator_id !== null && each.operator_id === operator),
  );
  return (
    <section className="card journal" aria-labelledby="journal-title">
      <div className="line">
        <h2 id="journal-title">Around it</h2>
        <span className="fill" />
        <label>
          <span className="hidden">Whose events</span>
          <select value={whose} onChange={(event) => setWhose(event.target.value as typeof whose)}>
            <option value="both">Register and operator</option>
            <option value="register">Register {register}</option>
            {operator && <option value="operator">Operator {operator}</option>}
          </select>
        </label>
        <label>
          <span className="hidden">How far around</span>
          <select value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
            {MINUTES.map((each) => (
              <option key={each} value={each}>
                ± {each < 60 ? `${each} min` : `${each / 60} h`}
              </option>
            ))}
          </select>
        </label>
      </div>
      {query.isError && <Failed error={query.error} retry={() => query.refetch()} />}
      {query.isPending && <Skeleton rows={4} height={24} label="Loading what happened around it" />}
      {query.data?.problems.map((problem) => (
        <p key={problem} className="quiet">
          {problem}
        </p>
      ))}
      {query.data && shown.length <= 1 && <p className="quiet">Nothing else happened within {minutes} minutes.</p>}
      {shown.length > 1 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by key
        <div ref={region} className="scrolls" tabIndex={0} role="region" aria-labelledby="journal-title">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col">Reg.</th>
                <th scope="col">Operator</th>
                <th scope="col" className="number">
                  Total
                </th>
                <th scope="col">Rules</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((each) => (
                <Entry key={each.event_id} entry={each} zone={zone} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Entry({ entry, zone }: { entry: JournalEntry; zone: string }) {
  const name = words(entry.kind) + (entry.training ? " (training)" : "");
  const what = entry.replaced_by ? <s>{name}</s> : name;
  return (
    <tr className={entry.asked ? "asked" : ""} aria-current={entry.asked ? "true" : undefined}>
      <td>
        <time dateTime={entry.event_time}>{time(entry.event_time, zone)}</time>
      </td>
      <td>
        {entry.asked ? (
          <b>{what}</b>
        ) : (
          <Link to="/transactions/$eventId" params={{ eventId: entry.event_id }}>
            {what}
          </Link>
        )}
        {entry.receipt_no && <small> {entry.receipt_no}</small>}
        {entry.replaced_by && (
          <small>
            {" "}
            replaced by{" "}
            <Link to="/transactions/$eventId" params={{ eventId: entry.replaced_by }}>
              a correction
            </Link>
          </small>
        )}
        {entry.replaces && (
          <small>
            {" "}
            corrects{" "}
            <Link to="/transactions/$eventId" params={{ eventId: entry.replaces }}>
              another
            </Link>
          </small>
        )}
      </td>
      <td className="who">
        <span className="label">Register </span>
        {entry.register_id}
      </td>
      <td className="who">
        <span className="label">Operator </span>
        {entry.operator_id ?? "none"}
      </td>
      <td className="number">
        {entry.replaced_by ? (
          <s>{money(entry.total_minor, entry.currency)}</s>
        ) : (
          money(entry.total_minor, entry.currency)
        )}
      </td>
      <td className="rules">
        <ul className="said">
          {entry.verdicts.map((each) => (
            <Said key={each.judgement_id} verdict={each} />
          ))}
        </ul>
      </td>
    </tr>
  );
}

function Said({ verdict }: { verdict: Judgement }) {
  const named = useRuleNames();
  const text = `${named(verdict.rule_id)}: ${SAID[verdict.outcome]}, ${whyWords(verdict.why)}`;
  const mark = (
    <>
      <span aria-hidden="true" className="mark">
        {MARK[verdict.outcome]}
      </span>{" "}
      {text}
    </>
  );
  return (
    <li className={verdict.outcome}>
      {verdict.outcome === "fired" ? (
        <Link to="/alerts/$alertId" params={{ alertId: verdict.judgement_id }}>
          {mark}
        </Link>
      ) : (
        mark
      )}
    </li>
  );
}
