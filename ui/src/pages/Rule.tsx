// One rule: what it looks for, what it cannot see, what it came to, how it was decided about, and its text.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Fragment, useEffect } from "react";
import { ruleQuery } from "../api/queries";
import type { RuleDetail } from "../api/rule";
import { currencyFor, numberName, numberWords } from "../lib/adjustment";
import { accusedWords, precisionWords } from "../lib/rule";
import { turnWords } from "../lib/sending";
import { whyWords } from "../lib/why";
import { dispositionName, words } from "../lib/words";
import { Chip, SendingMark, SeverityMark, StoreTime } from "../parts/bits";
import { useMe, useStores } from "../parts/session";
import { Failed, Skeleton } from "../parts/states";
import { SAID, Sentences } from "../parts/Verdicts";

export default function RulePage() {
  const { ruleId } = useParams({ from: "/rules/$ruleId" });
  const query = useQuery(ruleQuery(ruleId));
  const name = query.data?.rule.name ?? ruleId;
  useEffect(() => {
    document.title = `${name} · Rule · Tillsight`;
  }, [name]);
  return (
    <div className="coverage">
      <header className="bar-of-page">
        <h1>
          {name} <small>{query.data ? `${ruleId} ${query.data.rule.version}` : ""}</small>
        </h1>
      </header>
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={6} height={64} label="Loading the rule" />
      ) : (
        <Whole of={query.data} />
      )}
    </div>
  );
}

function Whole({ of }: { of: RuleDetail }) {
  const admin = useMe().role === "admin";
  const currency = currencyFor(useStores().stores);
  return (
    <>
      <section className="card" aria-labelledby="rule-about">
        <h2 id="rule-about">What it looks for</h2>
        <p>
          <SeverityMark severity={of.rule.severity} /> {of.rule.description}
        </p>
        <dl className="facts">
          <dt>Judges</dt>
          <dd>{of.anchor.map(words).join(", ")}</dd>
          <dt>Looks at</dt>
          <dd>{reachWords(of)}</dd>
          {of.rule.params.map((param) => (
            <Fragment key={param.name}>
              <dt>{numberName(param.name)}</dt>
              <dd>
                {numberWords(param, Number(param.value), currency).split(": ")[1]} <small>{param.description}</small>
              </dd>
            </Fragment>
          ))}
        </dl>
        {admin && (
          <p>
            <Link to="/setup/rules" search={{ do: "add", id: of.rule.id }}>
              Say otherwise for a store
            </Link>{" "}
            ·{" "}
            <Link to="/rules/backtest" search={{ rule: of.rule.id }}>
              Back-test it
            </Link>
          </p>
        )}
      </section>
      {of.rule.innocent.length > 0 && (
        <section className="card" aria-labelledby="rule-innocent">
          <h2 id="rule-innocent">It may be innocent</h2>
          <p className="quiet">An alert is a reason to look, never a verdict. What else may be behind it:</p>
          <Sentences of={of.rule.innocent} />
        </section>
      )}
      <section className="card" aria-labelledby="rule-blind">
        <h2 id="rule-blind">What it cannot see</h2>
        {of.blind_to.length > 0 && <Sentences of={of.blind_to} />}
        <h3>What it cannot judge without</h3>
        {of.needs.length === 0 && of.zones.length === 0 ? (
          <p className="quiet">Every record of the kinds above is enough for it.</p>
        ) : (
          <ul className="bullets">
            {of.zones.map((zone) => (
              <li key={zone}>a camera that sees the {zone} zone of the register</li>
            ))}
            {of.needs.map((need) => (
              <li key={need.field}>
                <code>{need.field}</code> of {need.kinds.map(words).join(", ")}
              </li>
            ))}
          </ul>
        )}
      </section>
      <section className="card" aria-labelledby="rule-precision">
        <h2 id="rule-precision">How often it was right</h2>
        <p>{precisionWords(of.precision)}</p>
        {of.versions.length > 1 && (
          <ul className="bullets">
            {of.versions.map((each) => (
              <li key={each.version}>
                Version {each.version}: {precisionWords(each)}
              </li>
            ))}
          </ul>
        )}
        <h3>How often it accuses somebody innocent</h3>
        <p>{accusedWords(of.false_accusations)}</p>
        <Turns of={of} />
        {of.outcomes.length > 0 && (
          <>
            <h3>In the last 28 days, in your stores</h3>
            <ul className="bullets">
              {of.outcomes.map((each) => (
                <li key={`${each.outcome} ${each.why}`}>
                  {each.times} × {SAID[each.outcome]}: {whyWords(each.why)}
                </li>
              ))}
            </ul>
          </>
        )}
      </section>
      <BlindIn of={of} />
      <Newest of={of} />
      <section className="card" aria-labelledby="rule-text">
        <h2 id="rule-text">Its text</h2>
        <p className="quiet">
          The same text judges live and over history; <code>tillsight rule why-not {of.rule.id} EVENT</code> asks it
          about one event.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard */}
        <pre tabIndex={0}>{of.sql}</pre>
      </section>
    </>
  );
}

// When it was held back, and sent again.
function Turns({ of }: { of: RuleDetail }) {
  const home = useStores().stores[0]?.tz ?? "UTC";
  if (of.turns.length === 0) return null;
  const held = of.turns.find((each) => each.version === of.rule.version)?.held_back;
  return (
    <>
      <h3>When it was held back {held && <Chip tone="warn">Held back now: its alerts can only be browsed</Chip>}</h3>
      <ul className="bullets">
        {of.turns.map((each) => (
          <li key={`${each.version} ${each.at}`}>
            <StoreTime at={each.at} zone={home} form="brief" />: {turnWords(each)}
          </li>
        ))}
      </ul>
    </>
  );
}

// Where it could not see of late.
function BlindIn({ of }: { of: RuleDetail }) {
  const { store } = useStores();
  if (of.blind.length === 0) return null;
  return (
    <section className="card" aria-labelledby="rule-unseen">
      <h2 id="rule-unseen">Where it could not see, in the last 28 days</h2>
      <ul className="bullets">
        {of.blind.map((each) => (
          <li key={each.store_id}>
            <Link to="/blind" search={{ store: each.store_id, rule: of.rule.id }}>
              {store(each.store_id)?.name ?? each.store_id}
            </Link>
            : {each.times} of {each.of} times
          </li>
        ))}
      </ul>
    </section>
  );
}

function Newest({ of }: { of: RuleDetail }) {
  const { store, zone } = useStores();
  return (
    <section className="card" aria-labelledby="rule-alerts">
      <h2 id="rule-alerts">Its newest alerts</h2>
      {of.alerts.length === 0 ? (
        <p className="quiet">It has not fired in your stores.</p>
      ) : (
        <>
          <ul className="plain">
            {of.alerts.map((alert) => (
              <li key={alert.alert_id}>
                <Link
                  to="/alerts/$alertId"
                  params={{ alertId: alert.alert_id }}
                  search={{ state: "all", sent: "all", rule: of.rule.id }}
                >
                  <StoreTime at={alert.event_time} zone={zone(alert.store_id)} form="brief" />,{" "}
                  {store(alert.store_id)?.name ?? alert.store_id}, register {alert.register_id}
                </Link>{" "}
                <small>{alert.disposition ? dispositionName(alert.disposition) : "open"}</small>{" "}
                <SendingMark alert={alert} />
              </li>
            ))}
          </ul>
          <p>
            <Link to="/alerts" search={{ state: "all", sent: "all", rule: of.rule.id }}>
              All its alerts
            </Link>
          </p>
        </>
      )}
    </section>
  );
}

function reachWords({ lookback_seconds: back, lookahead_seconds: ahead }: RuleDetail): string {
  const span = (seconds: number) =>
    seconds % 3600 === 0 ? `${seconds / 3600} h` : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
  const parts = [back > 0 && `${span(back)} before it`, ahead > 0 && `${span(ahead)} after it`].filter(Boolean);
  return parts.length === 0 ? "the record alone" : `what was within ${parts.join(" and ")}`;
}
