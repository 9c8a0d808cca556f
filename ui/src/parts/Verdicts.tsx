// What the rule found, what the other rules made of the same event, and what people decided.
import { Fragment } from "react";
import type { Fact, Judgement, Review, Rule } from "../api/types";
import { words } from "../lib/words";
import { DispositionMark, StoreTime } from "./bits";

export function Facts({ facts, rule }: { facts: Fact[]; rule: Rule }) {
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
      <details>
        <summary>
          Rule {rule.id} {rule.version}
        </summary>
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
    </section>
  );
}

export const MARK = { fired: "●", silent: "○", indeterminate: "?" } as const;
export const SAID = { fired: "fired", silent: "silent", indeterminate: "could not see" } as const;

export function Verdicts({ verdicts }: { verdicts: Judgement[] }) {
  if (verdicts.length === 0) return null;
  return (
    <section className="card" aria-labelledby="verdicts-title">
      <h2 id="verdicts-title">What each rule said</h2>
      <ul className="verdicts">
        {verdicts.map((each) => (
          <li key={each.judgement_id} className={each.outcome}>
            <span aria-hidden="true" className="mark">
              {MARK[each.outcome]}
            </span>
            <span>
              <b>{words(each.rule_id)}</b> {SAID[each.outcome]}
              {each.provisional ? ", provisional" : ""}
              <small>{words(each.why)}</small>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Reviews({ reviews, zone }: { reviews: Review[]; zone: string }) {
  if (reviews.length === 0) return null;
  return (
    <section className="card" aria-labelledby="reviews-title">
      <h2 id="reviews-title">History</h2>
      <ol className="reviews">
        {reviews.map((each) => (
          <li key={each.review_id}>
            <DispositionMark disposition={each.disposition} /> {each.reviewer},{" "}
            <StoreTime at={each.reviewed_at} zone={zone} form="brief" />
            {each.note && <blockquote>{each.note}</blockquote>}
          </li>
        ))}
      </ol>
    </section>
  );
}
