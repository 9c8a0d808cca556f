// The charts of the daily report: transactions and exceptions by the hour, and the gaps of each camera.
import { useMemo } from "react";
import type { Report } from "../api/report";
import { hoursInWords, hoursOfDay } from "../lib/hours";
import type { Scale } from "../lib/scale";
import { zoneName } from "../lib/time";
import { gapWords } from "../lib/words";
import { Lane, type Span } from "./Lane";
import { useWidth } from "./useWidth";

const TALL = 112;
// Room for what stands over the bars, and for the hours under them.
const OVER = 30;
const UNDER = 18;

export function HoursChart({ report }: { report: Report }) {
  const [element, width] = useWidth<HTMLDivElement>();
  const { tz } = report.store;
  const hours = useMemo(() => hoursOfDay(report, tz), [report, tz]);
  const most = Math.max(...hours.map((each) => each.transactions));
  if (most === 0) return null;
  const busiest = hours.findIndex((each) => each.transactions === most);
  const wide = width / hours.length;
  const floor = TALL - UNDER;
  return (
    <section className="card" aria-labelledby="hours-title">
      <h2 id="hours-title">Transactions by the hour</h2>
      <div className="by-hour" ref={element} role="img" aria-label={hoursInWords(hours)}>
        <svg width={width} height={TALL} aria-hidden="true">
          {hours.map(({ hour, transactions, exceptions }, at) => {
            const height = (transactions / most) * (floor - OVER);
            const middle = at * wide + wide / 2;
            return (
              <g key={hour}>
                <rect x={at * wide + 1} y={floor - height} width={Math.max(1, wide - 2)} height={height} />
                {at === busiest && (
                  <text x={middle} y={floor - height - 4}>
                    {transactions}
                  </text>
                )}
                {exceptions > 0 && (
                  <path className="mark" d={`M${middle} 1l5 5-5 5-5-5z`}>
                    <title>{exceptions === 1 ? "1 exception" : `${exceptions} exceptions`}</title>
                  </path>
                )}
                {hour % 3 === 0 && (
                  <text x={middle} y={TALL - 4}>
                    {String(hour).padStart(2, "0")}
                  </text>
                )}
              </g>
            );
          })}
          <path className="floor" d={`M0 ${floor + 0.5}H${width}`} />
        </svg>
      </div>
      <p className="quiet">
        {report.exceptions.length > 0 && (
          <>
            <span className="mark" aria-hidden="true">
              ◆
            </span>{" "}
            an hour with exceptions{report.more > 0 && ", of those that are listed here"}.{" "}
          </>
        )}
        Times are {zoneName(report.from, tz)}.
      </p>
    </section>
  );
}

type OfCamera = Report["sight"]["cameras"][number];

// When it did not record though it should have. The report does not say when it was to record, so that nothing is claimed of
// the rest.
export function CameraLane({ camera, axis }: { camera: OfCamera; axis: Scale }) {
  const spans = useMemo<Span[]>(
    () =>
      camera.gaps.map((gap) => ({
        start: Date.parse(gap.start_at),
        end: Date.parse(gap.end_at),
        fill: "gap",
        text: `Not recorded: ${gapWords(gap.reason)}`,
      })),
    [camera.gaps],
  );
  if (spans.length === 0) return null;
  return <Lane axis={axis} spans={spans} name={`Video of ${camera.name}`} height={14} />;
}
