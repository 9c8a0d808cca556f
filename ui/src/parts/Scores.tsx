// The two rankings of people and stores, each number with what it is made of.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { OperatorPart, ScoredOperator, ScorePart, Scores } from "../api/scores";
import { bar, expectedWords, firstParts, luckWords, rateWords, WORK } from "../lib/scores";
import { Chip } from "./bits";
import { useStores } from "./session";

function nameOf(scores: Scores, key: string): string {
  return scores.measures.find((each) => each.key === key)?.name ?? key;
}

export function OperatorScores({ scores }: { scores: Scores }) {
  const more = scores.operators_total - scores.operators.length;
  return (
    <section className="card" aria-labelledby="operators-title">
      <h2 id="operators-title">Operators</h2>
      <Table
        name="Operators"
        head={["Operator", "What", "Counted", "Believed rate", "Peers", "Between", "Luck (q)"]}
        numbers={[2, 3, 4]}
      >
        {scores.operators.map((each) => (
          <OperatorRows key={`${each.store_id} ${each.operator_id} ${each.work}`} of={each} scores={scores} />
        ))}
      </Table>
      {more > 0 && <p className="quiet">{more.toLocaleString("en-US")} more rank lower.</p>}
    </section>
  );
}

function OperatorRows({ of, scores }: { of: ScoredOperator; scores: Scores }) {
  const [open, setOpen] = useState(false);
  const { store } = useStores();
  const parts = open ? of.parts : firstParts(of.parts);
  const hidden = of.parts.length - firstParts(of.parts).length;
  const [first, ...others] = parts;
  if (!first) return null;
  return (
    <tbody>
      <tr>
        <Ranked rank={of.rank} rows={parts.length}>
          <b>{of.alias ?? of.operator_id}</b> {of.stands_out && <Chip tone="warn">Stands out</Chip>}
          <small className="below">
            {of.alias && `${of.operator_id}, `}
            {store(of.store_id)?.name ?? of.store_id}, {WORK[of.work]} ({of.peers} people)
          </small>
          <Risk of={of.risk} />
          {hidden > 0 && (
            <button type="button" className="button small" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? "Less" : `${hidden} more`}
            </button>
          )}
        </Ranked>
        <PartCells part={first} scores={scores} />
      </tr>
      {others.map((part) => (
        <tr key={part.measure}>
          <PartCells part={part} scores={scores} />
        </tr>
      ))}
    </tbody>
  );
}

function PartCells({ part, scores }: { part: OperatorPart; scores: Scores }) {
  return (
    <>
      <CountCells part={part} scores={scores} query={part.query} marked={part.stands_out} />
      <td>
        <Interval part={part} />
      </td>
      <td>
        {luckWords(part, scores)}
        {part.not_with !== null && <small className="below">not with {part.not_with}</small>}
      </td>
    </>
  );
}

export function StoreScores({ scores }: { scores: Scores }) {
  const { store } = useStores();
  if (scores.stores.length === 0) return null;
  return (
    <section className="card" aria-labelledby="stores-title">
      <h2 id="stores-title">Stores</h2>
      <p className="quiet">Each beside what the work of its people lets expect: a large service desk is no risk.</p>
      <Table name="Stores" head={["Store", "What", "Counted", "Believed rate", "Other stores"]} numbers={[2, 3, 4]}>
        {scores.stores.map((each) => {
          const [first, ...others] = each.parts.slice(0, 3);
          return (
            first && (
              <tbody key={each.store_id}>
                <tr>
                  <Ranked rank={each.rank} rows={1 + others.length}>
                    <b>{store(each.store_id)?.name ?? each.store_id}</b>
                    <Risk of={each.risk} />
                  </Ranked>
                  <CountCells part={first} scores={scores} />
                </tr>
                {others.map((part) => (
                  <tr key={part.measure}>
                    <CountCells part={part} scores={scores} />
                  </tr>
                ))}
              </tbody>
            )
          );
        })}
      </Table>
    </section>
  );
}

type CountProps = { part: ScorePart; scores: Scores; query?: string | null; marked?: boolean };

function CountCells({ part, scores, query, marked }: CountProps) {
  const events = part.events.toLocaleString("en-US");
  return (
    <>
      <td>
        {nameOf(scores, part.measure)}
        <small className="below">adds {part.contribution.toFixed(1)}</small>
      </td>
      <td className="number" title={expectedWords(part)}>
        {query ? (
          <Link to="/search" search={{ q: query }}>
            {events}
          </Link>
        ) : (
          events
        )}
        <small className="below">of {part.of.toLocaleString("en-US")}</small>
      </td>
      <td className="number">
        {marked ? <b className="outside">{rateWords(part.rate)}</b> : rateWords(part.rate)}
        <small className="below">counted {rateWords(part.raw)}</small>
      </td>
      <td className="number">{rateWords(part.peers)}</td>
    </>
  );
}

// Where the rate lies with 95 %, beside that of the peers.
function Interval({ part }: { part: OperatorPart }) {
  const { low, high, rate, peers } = bar(part);
  const said = `${rateWords(part.rate)}, between ${rateWords(part.low)} and ${rateWords(part.high)}; peers ${rateWords(part.peers)}`;
  return (
    <div className="bullet" role="img" aria-label={said} title={said}>
      <i className="usual" style={{ left: `${low}%`, width: `${high - low}%` }} />
      <i className="mean" style={{ left: `${peers}%` }} />
      <i className={part.stands_out ? "value outside" : "value"} style={{ left: `${rate}%` }} />
    </div>
  );
}

function Risk({ of }: { of: number }) {
  return <small className="below">Risk {of.toFixed(1)} of 100</small>;
}

function Ranked({ rank, rows, children }: { rank: number; rows: number; children: ReactNode }) {
  return (
    <th scope="rowgroup" rowSpan={rows}>
      <span className="rank">{rank}.</span> {children}
    </th>
  );
}

type TableProps = { name: string; head: string[]; numbers: number[]; children: ReactNode };

function Table({ name, head, numbers, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on a phone, so that it must be reached by keyboard
    <div className="table" tabIndex={0} role="group" aria-label={`${name}, a table that scrolls sideways`}>
      <table>
        <thead>
          <tr>
            {head.map((each, index) => (
              <th key={each} scope="col" className={numbers.includes(index) ? "number" : undefined}>
                {each}
              </th>
            ))}
          </tr>
        </thead>
        {children}
      </table>
    </div>
  );
}
