// Alerts a store and day, before and with what was tried, side by side.
import { useMemo } from "react";
import type { BacktestDay } from "../../api/backtest";
import { barName, bars, barsInWords, dayName, rateText } from "../../lib/backtest";
import { useWidth } from "../useWidth";

const TALL = 132;
// Room for the number over the highest bar, and for the days under them.
const OVER = 16;
const UNDER = 18;
// The narrowest pair of bars that is told from its neighbours.
const NARROW = 14;

export function BacktestBars({ days, compared }: { days: BacktestDay[]; compared: boolean }) {
  const [element, width] = useWidth<HTMLDivElement>();
  const all = useMemo(() => bars(days, Math.max(1, Math.floor(width / NARROW))), [days, width]);
  const most = Math.max(...all.map((each) => Math.max(each.now, compared ? each.before : 0)), 0);
  const wide = width / Math.max(1, all.length);
  const floor = TALL - UNDER;
  const high = (rate: number) => (most === 0 ? 0 : (rate / most) * (floor - OVER));
  const one = Math.max(2, Math.min(22, (wide - 3) / (compared ? 2 : 1)));
  const top = all.findIndex((each) => Math.max(each.now, compared ? each.before : 0) === most);
  const [first, last] = [all[0], all[all.length - 1]];
  return (
    <section className="card" aria-labelledby="bars-title">
      <h2 id="bars-title">Alerts a store and day</h2>
      {most === 0 && all.length > 0 && <p className="quiet">There are none on any of these days.</p>}
      <div className="by-hour past-bars" ref={element} role="img" aria-label={barsInWords(all, compared)}>
        {most > 0 && width > 0 && (
          <svg width={width} height={TALL} aria-hidden="true">
            {all.map((each, at) => {
              const middle = at * wide + wide / 2;
              const left = compared ? middle - one : middle - one / 2;
              return (
                <g key={each.from}>
                  <title>
                    {barName(each)}: {compared && `${rateText(each.before)} now, `}
                    {rateText(each.now)} with this
                  </title>
                  {compared && each.before > 0 && (
                    <rect
                      className="before"
                      x={left + 0.5}
                      y={floor - high(each.before)}
                      width={Math.max(1, one - 1)}
                      height={high(each.before)}
                    />
                  )}
                  <rect x={compared ? middle : left} y={floor - high(each.now)} width={one} height={high(each.now)} />
                  {at === top && (
                    <text x={Math.min(width - 14, Math.max(14, middle))} y={OVER - 5}>
                      {rateText(most)}
                    </text>
                  )}
                </g>
              );
            })}
            <path className="floor" d={`M0 ${floor + 0.5}H${width}`} />
            {first && (
              <text className="from" x={0} y={TALL - 4}>
                {dayName(first.from)}
              </text>
            )}
            {last && all.length > 1 && (
              <text className="to" x={width} y={TALL - 4}>
                {dayName(last.to)}
              </text>
            )}
          </svg>
        )}
      </div>
      {most > 0 && (
        <p className="quiet">
          {compared && (
            <>
              <span className="past-swatch before" aria-hidden="true" /> now{" "}
            </>
          )}
          <span className="past-swatch" aria-hidden="true" /> with this
        </p>
      )}
    </section>
  );
}
