// What the scores of people at tills say, in words.
import type { OperatorPart, ScoredOperator, ScorePart, Scores } from "../api/scores";

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

export function rateWords(rate: number): string {
  return rate > 0 && rate < 0.05 ? "< 0.1" : number.format(rate);
}

export const WORK: Record<ScoredOperator["work"], string> = {
  staffed: "checkout",
  self_checkout: "self-checkout",
  service: "service desk",
};

// How likely it is luck, or why that cannot be said.
export function luckWords(part: OperatorPart, scores: Scores): string {
  if (part.q !== null) return part.q < 0.001 ? "< 0.1 %" : `${number.format(100 * part.q)} %`;
  if (part.withheld === "peers") return `fewer than ${scores.peers_enough} do this work`;
  if (part.withheld === "spread") return "people differ too much in this";
  return `fewer than ${scores.exposures_enough} counted`;
}

// The whole in a sentence.
export function headline(scores: Scores): string {
  const out = scores.operators.filter((each) => each.stands_out).length;
  if (scores.operators_total === 0) return "Nothing was counted in these days";
  if (scores.compared === 0) return "Nobody can be compared yet";
  if (out === 0) return "Nobody stands out";
  return `${out} of ${scores.operators_total} operators ${out === 1 ? "stands" : "stand"} out`;
}

// What is shown of an operator before more is asked for: what stands out, or else what adds most.
export function firstParts(parts: OperatorPart[]): OperatorPart[] {
  const out = parts.filter((part) => part.stands_out);
  return out.length > 0 ? out : parts.slice(0, 1);
}

// Where a bar has its interval, its rate and that of the peers, in percent of its width.
export function bar(part: OperatorPart): { low: number; high: number; rate: number; peers: number } {
  const most = Math.max(part.high, part.peers, part.raw) * 1.1 || 1;
  const at = (rate: number) => Math.max(0, Math.min(100, (100 * rate) / most));
  return { low: at(part.low), high: at(part.high), rate: at(part.rate), peers: at(part.peers) };
}

export function expectedWords({ expected, events }: ScorePart): string {
  return `${events.toLocaleString("en-US")} where ${number.format(expected)} would be usual`;
}
