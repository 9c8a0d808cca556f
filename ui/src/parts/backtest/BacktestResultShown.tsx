// What a back-test came to: a sentence, a picture, what is gained and lost, how often it was right, what it could not see.
import type { BacktestResult, BacktestRule } from "../../api/backtest";
import type { Precision } from "../../api/rule";
import { costWords, headline } from "../../lib/backtest";
import { precisionWords } from "../../lib/rule";
import { whyWords } from "../../lib/why";
import { BacktestAlertRows } from "./BacktestAlertRows";
import { BacktestBars } from "./BacktestBars";

const rightWords = (of: Precision | null) =>
  of ? precisionWords(of) : "Nobody has decided about any of these alerts yet.";

export function BacktestResultShown({ of, named }: { of: BacktestResult; named: (id: string) => string }) {
  const compared = of.summary.rate_before !== null;
  const many = of.rules.length > 1;
  if (of.rules.length === 0 && of.differs === 0)
    return (
      <section className="card" aria-label="What came out">
        <h2>There was nothing to judge in these days</h2>
        <p className="quiet">{costWords(of)}. The rule judges events of a kind that no till of these stores sent.</p>
      </section>
    );
  return (
    <>
      <section
        className={of.summary.lost_confirmed > 0 ? "card verdict look" : "card verdict"}
        aria-label="What came out"
      >
        <h2>{headline(of.summary)}</h2>
        <p className="quiet">
          {costWords(of)}; beside {of.against}
          {of.same + of.differs > 0 && `: ${of.same.toLocaleString("en-US")} judgements are the same`}.
        </p>
      </section>
      <BacktestBars days={of.days} compared={compared} />
      <section className="card" aria-labelledby="right-title">
        <h2 id="right-title">How often it was right</h2>
        {of.rules.map((rule) => (
          <Right key={rule.rule_id} rule={rule} name={many ? named(rule.rule_id) : null} />
        ))}
      </section>
      {of.uncompared.length > 0 && (
        <BacktestAlertRows
          title="Alerts that there would be"
          of={of.alerts}
          none="It would not fire on any of these days."
          beside={null}
        />
      )}
      {of.same + of.differs > 0 && (
        <>
          <BacktestAlertRows title="Lost alerts" of={of.lost} none="Not one alert would be lost." beside="now" />
          <BacktestAlertRows title="Gained alerts" of={of.gained} none="Not one alert would be new." beside="before" />
        </>
      )}
      <section className="card" aria-labelledby="not-judged-title">
        <h2 id="not-judged-title">What it could not see</h2>
        {of.blind.length === 0 ? (
          <p className="quiet">Everything could be judged.</p>
        ) : (
          <ul className="bullets">
            {of.blind.map((each) => (
              <li key={`${each.rule_id} ${each.why}`}>
                {each.count.toLocaleString("en-US")} × {whyWords(each.why)}
                {many && ` (${named(each.rule_id)})`}
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}

function Right({ rule, name }: { rule: BacktestRule; name: string | null }) {
  const seconds = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 }).format(rule.seconds);
  return (
    <>
      {name && <h3>{name}</h3>}
      <dl className="facts">
        {rule.fired_before !== null && (
          <>
            <dt>Now</dt>
            <dd>{rightWords(rule.precision_before)}</dd>
          </>
        )}
        <dt>With this</dt>
        <dd>{rightWords(rule.precision)}</dd>
        <dt>Judged</dt>
        <dd>
          {rule.fired.toLocaleString("en-US")} fired, {rule.silent.toLocaleString("en-US")} did not,{" "}
          {rule.indeterminate.toLocaleString("en-US")} could not be seen
        </dd>
        <dt>It computed</dt>
        <dd>{seconds} s</dd>
      </dl>
    </>
  );
}
