// One lane of a timeline: spans on an axis of time. One path per fill, so that a day of spans is a handful of nodes.
import { useMemo } from "react";
import { fraction, percent, place, type Scale, ticks } from "../lib/scale";
import { duration, hourMinute } from "../lib/time";
import type { Fill } from "./Patterns";
import { useWidth } from "./useWidth";

export type Span = { start: number; end: number; fill: Fill; text: string };

type Props = { axis: Scale; spans: Span[]; name: string; height?: number };

// "Customer zone: nobody there 4 min (80 %), …"
function summary(name: string, spans: Span[]): string {
  const sums = new Map<string, number>();
  for (const each of spans) sums.set(each.text, (sums.get(each.text) ?? 0) + each.end - each.start);
  const parts = [...sums].map(([text, ms]) => `${text}, ${duration(ms / 1000)}`);
  return `${name}: ${parts.length ? parts.slice(0, 8).join("; ") : "nothing is known"}`;
}

export function Lane({ axis, spans, name, height = 18 }: Props) {
  const [element, width] = useWidth<HTMLDivElement>();
  const paths = useMemo(() => {
    const found = new Map<Fill, string>();
    for (const each of spans) {
      const at = place(axis, each.start, each.end);
      if (!at || width === 0) continue;
      // At least a pixel: a short absence is seen.
      const box = `M${(at.left * width).toFixed(1)} 0h${Math.max(1, at.width * width).toFixed(1)}v${height}H${(at.left * width).toFixed(1)}Z`;
      found.set(each.fill, (found.get(each.fill) ?? "") + box);
    }
    return [...found];
  }, [axis, spans, width, height]);
  return (
    <div className="bar" ref={element} role="img" aria-label={summary(name, spans)} style={{ height }}>
      <svg width={width} height={height} aria-hidden="true">
        {paths.map(([fill, path]) => (
          <path key={fill} d={path} fill={`url(#fill-${fill})`} />
        ))}
      </svg>
    </div>
  );
}

// The hours of the store over or under lanes.
export function AxisHours({ axis, zone }: { axis: Scale; zone: string }) {
  const [element, width] = useWidth<HTMLDivElement>();
  const marks = ticks(axis, Math.max(2, Math.floor(width / 48)), axis.from);
  return (
    <div className="axis" ref={element} aria-hidden="true">
      {marks.slice(0, -1).map((mark) => (
        <span key={mark} style={{ left: percent(fraction(axis, mark)) }}>
          {hourMinute(new Date(mark), zone)}
        </span>
      ))}
    </div>
  );
}
