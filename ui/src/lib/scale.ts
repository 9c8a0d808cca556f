// One axis of time: instants to fractions of a width and back, and round marks along it.

export type Scale = { from: number; to: number };

export function scale(from: string | number | Date, to: string | number | Date): Scale {
  const start = new Date(from).getTime();
  return { from: start, to: Math.max(new Date(to).getTime(), start + 1) };
}

// 0 at the beginning, 1 at the end; beyond them less or more.
export function fraction(axis: Scale, at: string | number | Date): number {
  return (new Date(at).getTime() - axis.from) / (axis.to - axis.from);
}

export function instant(axis: Scale, part: number): number {
  return axis.from + Math.min(1, Math.max(0, part)) * (axis.to - axis.from);
}

// Where a span lies, clipped to the axis; null when it is outside.
export function place(
  axis: Scale,
  start: string | number | Date,
  end: string | number | Date,
): { left: number; width: number } | null {
  const left = Math.max(0, fraction(axis, start));
  const right = Math.min(1, fraction(axis, end));
  return right > left ? { left, width: right - left } : null;
}

export function percent(part: number): string {
  return `${(part * 100).toFixed(4)}%`;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

// At most `most` marks at round numbers of seconds since the `origin` (a midnight in the store, so that hours are the
// store's hours also where the zone is off by half an hour).
export function ticks(axis: Scale, most: number, origin: number): number[] {
  const span = (axis.to - axis.from) / 1000;
  const step = (STEPS.find((each) => span / each <= most) ?? Math.ceil(span / most)) * 1000;
  const marks: number[] = [];
  for (let at = origin + Math.ceil((axis.from - origin) / step) * step; at <= axis.to; at += step) marks.push(at);
  return marks;
}
