// What the rule found, what the other rules made of the same event, and what people decided.
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import type { Rule } from "../api/rule";
import type { Alert, AlertDetail, Judgement } from "../api/types";
import { whyWords } from "../lib/why";
import { money, words } from "../lib/words";
import { DispositionMark, StoreTime } from "./bits";
import { speaks, useMe } from "./session";
import { useRuleNames } from "./useRuleNames";

export function Facts({ alert, rule }: { alert: Alert; rule: Rule }) {
  const { facts, counterfactual } = alert;
  return (
    <section className="card" aria-labelledby="facts-title">
      <h2 id="facts-title">Why it fired</h2>
      <p className="quiet">{rule.description}</p>
      {facts.length > 0 && (
        <dl className="facts">
          {facts.map((fact) => (
            <Fragment key={fact.name}>
              <dt>{words(fact.name)}</dt>
              <dd>{fact.value}</dd>
            </Fragment>
          ))}
        </dl>
      )}
      {counterfactual.length > 0 && (
        <>
          <h3>What would have kept it away</h3>
          <Sentences of={counterfactual} />
        </>
      )}
      {rule.innocent.length > 0 && (
        <>
          <h3>It may be innocent</h3>
          <Sentences of={rule.innocent} />
        </>
      )}
      <details>
        <summary>
          Rule {rule.id} {rule.version}
        </summary>
        <p>
          <Link to="/rules/$ruleId" params={{ ruleId: rule.id }}>
            What it looks for, and how often it was right
          </Link>
        </p>
        <dl className="facts">
          {rule.params.map((param) => (
            <Fragment key={param.name}>
              <dt>{words(param.name)}</dt>
              <dd>
                {String(param.value)} {param.unit ?? ""}
              </dd>
            </Fragment>
          ))}
        </dl>
      </details>
      {alert.records.length > 0 && (
        <details>
          <summary>Where its {alert.records.length === 1 ? "record" : "records"} came in</summary>
          <ul className="bullets">
            {alert.records.map((record) => (
              <li key={record.event_id}>
                <Link to="/transactions/$eventId" params={{ eventId: record.event_id }}>
                  {record.event_id === alert.anchor_event_id ? "What it stands on" : "Belongs to it"}
                </Link>
                : <code>{record.topic}</code>, partition {record.partition}, offset {record.offset}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

export function Sentences({ of }: { of: string[] }) {
  return (
    <ul className="bullets">
      {of.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
}

export const MARK = { fired: "●", silent: "○", indeterminate: "?" } as const;
export const SAID = { fired: "fired", silent: "did not fire", indeterminate: "could not see" } as const;

export function Verdicts({ verdicts }: { verdicts: Judgement[] }) {
  const named = useRuleNames();
  const folded = speaks(useMe());
  if (verdicts.length === 0) return null;
  const list = (
    <ul className="verdicts">
      {verdicts.map((each) => (
        <li key={each.judgement_id} className={each.outcome}>
          <span aria-hidden="true" className="mark">
            {MARK[each.outcome]}
          </span>
          <span>
            <b>{named(each.rule_id)}</b>: {SAID[each.outcome]}
            {each.provisional ? ", provisional" : ""}
            <small>{whyWords(each.why)}</small>
          </span>
        </li>
      ))}
    </ul>
  );
  // A store's manager reads why it fired; the other rules are for who works on rules.
  if (folded) {
    return (
      <details className="card">
        <summary>What each rule said</summary>
        {list}
      </details>
    );
  }
  return (
    <section className="card" aria-labelledby="verdicts-title">
      <h2 id="verdicts-title">What each rule said</h2>
      {list}
    </section>
  );
}

export function Expected({ detail }: { detail: AlertDetail }) {
  const { expected, expected_minor, currency } = detail;
  // It orders the queue of loss prevention.
  const hidden = speaks(useMe());
  if (hidden || !expected || expected_minor === null) return null;
  return (
    <section className="card" aria-labelledby="expected-title">
      <h2 id="expected-title">
        Expected value <span className="amount">{money(expected_minor, currency)}</span>
      </h2>
      <p>
        {money(detail.amount_minor, currency)} × {Math.round(expected.p * 100)} %
      </p>
      <p className="quiet">{expected.words}</p>
    </section>
  );
}

// What people did, newest first.
export function History({ detail, zone }: { detail: AlertDetail; zone: string }) {
  const { reviews, said, assignments, item } = detail;
  const other = (id: string) => item.members.find((each) => each.alert_id === id && id !== detail.alert_id);
  const entries = [
    ...[...reviews, ...said].map((review) => ({ at: review.reviewed_at, review, given: null })),
    ...assignments.map((given) => ({ at: given.at, review: null, given })),
  ].sort((one, other) => other.at.localeCompare(one.at));
  if (entries.length === 0) return null;
  return (
    <section className="card" aria-labelledby="reviews-title">
      <h2 id="reviews-title">History</h2>
      <ol className="reviews">
        {entries.map(({ at, review, given }) => (
          <li key={review?.review_id ?? `${at} ${given?.assignee}`}>
            {review ? (
              <>
                <DispositionMark disposition={review.disposition} /> {review.reviewer}
                {review.alert_id !== detail.alert_id && <> about “{other(review.alert_id)?.title}”</>},{" "}
              </>
            ) : (
              <>
                Given to <b>{given?.assignee ?? "nobody"}</b> by {given?.by},{" "}
              </>
            )}
            <StoreTime at={at} zone={zone} form="brief" />
            {review?.note && <blockquote>{review.note}</blockquote>}
          </li>
        ))}
      </ol>
    </section>
  );
}
