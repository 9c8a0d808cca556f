// The rates of a daily report, each beside what is usual in its store.
import type { Rate, Report } from "../api/report";
import { sharedNote, standing } from "../lib/rates";

export function Rates({ report: { rates, over } }: { report: Report }) {
  const note = sharedNote(rates);
  const ranges = rates.some((rate) => rate.baseline_low !== null);
  return (
    <section className="card" aria-labelledby="rates-title">
      <h2 id="rates-title">Rates{!over && " so far"}</h2>
      <p className="quiet">
        {ranges ? "The band is this store's own usual range" : "No usual range yet"}
        {note && `: ${note}`}.{!over && ranges && " The day is not over, and the band is of whole days."}
      </p>
      {rates.map((rate) => (
        <RateRow key={rate.name} rate={rate} over={over} note={rate.note === note ? null : rate.note} />
      ))}
    </section>
  );
}

function RateRow({ rate, over, note }: { rate: Rate; over: boolean; note: string | null }) {
  const { baseline_low: low, baseline_high: high, baseline_mean: mean } = rate;
  const stands = standing(rate);
  const value = rate.value ?? 0;
  const most = Math.max(value, high ?? 0, mean ?? 0) * 1.15 || 1;
  // A part of a day is not marked against whole ones.
  const outside = over && stands !== null && stands !== "usual";
  const part = (number: number) => `${Math.max(0, Math.min(100, (number / most) * 100))}%`;
  const number = (each: number) => new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 }).format(each);
  return (
    <div className="rate">
      <div className="line">
        <span>
          {rate.name} <small>{`${rate.events} of ${rate.of}`}</small>
        </span>
        <b className={outside ? "outside" : ""}>
          {rate.value === null ? "none" : number(value)} <small>{rate.unit}</small>
          {stands && (
            <small>
              , {stands}
              {!over && " so far"}
            </small>
          )}
        </b>
      </div>
      {low !== null && high !== null ? (
        <div className="bullet" role="img" aria-label={`${number(value)}; usually ${number(low)} to ${number(high)}`}>
          <i className="usual" style={{ left: part(low), width: `calc(${part(high)} - ${part(low)})` }} />
          {mean !== null && <i className="mean" style={{ left: part(mean) }} />}
          <i className={outside ? "value outside" : "value"} style={{ left: part(value) }} />
        </div>
      ) : (
        note && <p className="quiet">No usual range yet.</p>
      )}
      {note && <p className="quiet">{note}</p>}
      <details>
        <summary>SQL</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard */}
        <pre tabIndex={0}>{rate.sql}</pre>
      </details>
    </div>
  );
}
