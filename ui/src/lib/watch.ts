// Free playback as logic without a page: what a timeline shows, which clips are asked for, what a camera has at an instant.
import type { Gap } from "../api/types";
import type { Scale } from "./scale";

export const MOST_CAMERAS = 4;
export const MINUTE = 60_000;
export const DAY = 86_400_000;
// A clip ends at a multiple of this, so that one that was loaded serves again; the first after a jump is shorter.
const CLIP_MS = 20_000;
const FIRST_MS = 8_000;
const BEGIN_MS = 2_000;
// How far behind the newest picture the live edge is: what the recorder has not yet written cannot be shown.
export const LIVE_DELAY_MS = 4_000;

// What the address says ------------------------------------------------------------------------------------------

export type Address = { store?: string; cameras?: string; at?: string; zoom?: string };

export function camerasOf(text: string | undefined): string[] {
  return [...new Set((text ?? "").split(",").filter((each) => each !== ""))].slice(0, MOST_CAMERAS);
}

export function instantOf(text: string | undefined): number | null {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

export function spanOf(zoom: string | undefined, otherwise: number): number {
  const seconds = Number(zoom);
  if (!zoom || !Number.isFinite(seconds) || seconds <= 0) return otherwise;
  return Math.min(DAY + 3_600_000, Math.max(MINUTE, seconds * 1000));
}

// The part of time that the timeline shows ------------------------------------------------------------------------

// Closer or wider by a factor; the instant `around` stays where it is. `most` is the length of the day at hand.
export function zoom(view: Scale, factor: number, around: number, most = DAY): Scale {
  const span = view.to - view.from;
  const next = Math.min(Math.max(most, DAY), Math.max(MINUTE, span * factor));
  const part = Math.min(1, Math.max(0, (around - view.from) / span));
  const from = Math.round(around - part * next);
  return { from, to: from + Math.round(next) };
}

export function pan(view: Scale, ms: number): Scale {
  return { from: Math.round(view.from + ms), to: Math.round(view.to + ms) };
}

export function centred(at: number, span: number): Scale {
  const from = Math.round(at - span / 2);
  return { from, to: from + Math.round(span) };
}

// The view in which an instant is to be seen: the same one if it is in it. Playback that runs out of it turns the page.
export function follow(view: Scale, at: number, playing: boolean): Scale {
  const span = view.to - view.from;
  if (at >= view.from && at <= view.to) return view;
  const onward = playing && at > view.to && at < view.to + span;
  return onward ? { from: Math.round(at - span * 0.1), to: Math.round(at + span * 0.9) } : centred(at, span);
}

// What is loaded for a view: a wider span on a grid, so that a small move asks for nothing new.
export function loadSpan(view: Scale): Scale {
  const span = view.to - view.from;
  const grid = [5, 15, 60, 240, 720, 1440].map((each) => each * MINUTE).find((each) => each >= span) ?? DAY;
  return { from: Math.floor(view.from / grid) * grid, to: Math.ceil(view.to / grid) * grid };
}

// What a camera has -----------------------------------------------------------------------------------------------

export type Kept = { start: number; end: number; kind: "recorded" | "gap"; reason: string | null };

export function keptAt(spans: Kept[], at: number): Kept | null {
  return spans.find((each) => each.start <= at && at < each.end) ?? null;
}

// Neighbouring gaps as one: a broken connection and the camera that did not answer after it are one hole for who looks.
export function holes(spans: Kept[]): Kept[] {
  const found: Kept[] = [];
  for (const each of spans) {
    const last = found.at(-1);
    if (each.kind !== "gap") continue;
    if (last && each.start - last.end <= 1) {
      if (each.end - each.start > last.end - last.start) last.reason = each.reason;
      last.end = each.end;
    } else found.push({ ...each });
  }
  return found;
}

// What is known since the coverage was asked for: a live camera has gone on, a lost one has a gap without an end.
export function tail(kept: Kept[], live: boolean, recordedTo: number, reason: string | null, until: number): Kept[] {
  const last = kept.at(-1);
  if (!last || until <= last.end) return kept;
  const more: Kept[] = [];
  const seen = live ? until : Math.min(until, Math.max(last.end, recordedTo));
  if (seen > last.end) more.push({ start: last.end, end: seen, kind: "recorded", reason: null });
  if (until > seen) more.push({ start: seen, end: until, kind: "gap", reason });
  return [...kept, ...more];
}

// The first and the last recorded instant of some cameras.
export function recordedEnds(lanes: Kept[][]): { start: number; end: number } | null {
  const recorded = lanes.flat().filter((each) => each.kind === "recorded");
  if (recorded.length === 0) return null;
  return {
    start: Math.min(...recorded.map((each) => each.start)),
    end: Math.max(...recorded.map((each) => each.end)),
  };
}

// The recording that is nearest to an instant without one, and what to call it. Beyond the days that are known only the
// camera's own first and last are.
export function nearestRecording(
  spans: Kept[],
  ends: { first: number | null; last: number | null },
  at: number,
): { words: string; at: number } | null {
  const { first, last } = ends;
  if (first !== null && at < first) return { words: "First recording", at: first + 250 };
  if (last !== null && at >= last) return { words: "Last recording", at: last - 1_000 };
  const recorded = spans.filter((each) => each.kind === "recorded");
  const next = Math.min(...recorded.map((each) => each.start).filter((each) => each > at));
  const before = Math.max(...recorded.map((each) => each.end).filter((each) => each <= at));
  if (Number.isFinite(next) && next - at <= at - before) return { words: "Next recording", at: next + 250 };
  if (Number.isFinite(before)) return { words: "Recording before", at: before - 1_000 };
  return first === null ? null : { words: "First recording", at: first + 250 };
}

// Clips -----------------------------------------------------------------------------------------------------------

export type Clip = {
  // What was asked for.
  asked: Scale;
  // First frame, which is time 0 of the file, and the end of the last.
  from: number;
  to: number;
  // Seconds from one frame to the next.
  frame: number;
  gaps: Kept[];
  url: string;
  // Everything of what was asked had been written.
  whole: boolean;
};

// Up to where a clip says what there is: all that was asked, or, while it is being recorded, its last frame.
export function clipEnd(clip: Clip): number {
  return clip.whole ? clip.asked.to : Math.min(clip.asked.to, Math.max(clip.to, clip.asked.from));
}

export function clipAt(clips: Clip[], at: number): Clip | null {
  return clips.find((each) => each.asked.from <= at && at < clipEnd(each)) ?? null;
}

// The end of what is loaded without a hole from an instant on; the instant itself when nothing is.
export function loadedUntil(clips: Clip[], at: number): number {
  let end = at;
  for (let clip = clipAt(clips, end); clip; clip = clipAt(clips, end)) end = clipEnd(clip);
  return end;
}

// What to ask for to see an instant: nothing that is loaded already, short after a jump, else to the next border.
export function clipFor(clips: Clip[], at: number, jumped: boolean): Scale {
  let from = jumped ? Math.floor(at / BEGIN_MS) * BEGIN_MS : at;
  const border = (Math.floor(at / CLIP_MS) + 1) * CLIP_MS;
  let to = jumped ? Math.min(border, from + FIRST_MS) : border;
  // A border that is near would make a clip of a moment.
  if (to - at < BEGIN_MS) to += jumped ? FIRST_MS - BEGIN_MS : CLIP_MS;
  for (const each of clips) {
    const end = clipEnd(each);
    if (end <= at && end > from) from = end;
    if (each.asked.from > at && each.asked.from < to) to = each.asked.from;
  }
  return { from: Math.floor(from), to: Math.ceil(to) };
}

export type Statement = {
  from_at: string;
  to_at: string;
  first_frame_at: string;
  duration_us: number;
  frames: number;
  gaps: Gap[];
};

// A clip by its statement (header `tillsight-clip`). `served` is the server's clock when it answered.
export function clipOf(asked: Scale, statement: Statement, url: string, served: number): Clip {
  const from = Date.parse(statement.first_frame_at);
  const whole = served - asked.to > 3_000;
  const gaps = statement.gaps.map<Kept>((gap) => ({
    start: Date.parse(gap.start_at),
    end: Date.parse(gap.end_at),
    kind: "gap",
    reason: gap.reason,
  }));
  const to = from + statement.duration_us / 1000;
  const still = gaps.reduce((sum, gap) => sum + Math.max(0, Math.min(gap.end, to) - Math.max(gap.start, from)), 0);
  const frame = Math.min(1, Math.max(0.01, (to - from - still) / 1000 / Math.max(1, statement.frames)));
  return { asked, from, to, frame, gaps, url, whole };
}

// How a video is kept on the clock ----------------------------------------------------------------------------------

// By how much the video is behind the clock → what to do. A jump is seen, a little more speed is not.
export function chase(behind: number, speed: number): { jump: boolean; rate: number } {
  if (Math.abs(behind) > 300 * Math.max(1, speed)) return { jump: true, rate: speed };
  if (Math.abs(behind) < 25) return { jump: false, rate: speed };
  const more = Math.min(0.15, Math.max(-0.15, behind / 800));
  return { jump: false, rate: Math.max(0.0625, Math.round(speed * (1 + more) * 1000) / 1000) };
}

// Marks -----------------------------------------------------------------------------------------------------------

// Groups what is less than `gap` pixels apart, so that each mark can be hit; by time, of what is in the view.
export function cluster<T extends { at: number }>(marks: T[], view: Scale, width: number, gap: number): T[][] {
  const groups: T[][] = [];
  if (width <= 0) return groups;
  const apart = (gap / width) * (view.to - view.from);
  let start = Number.NEGATIVE_INFINITY;
  for (const mark of [...marks].sort((one, other) => one.at - other.at)) {
    if (mark.at < view.from || mark.at > view.to) continue;
    if (mark.at - start < apart) groups.at(-1)?.push(mark);
    else {
      groups.push([mark]);
      start = mark.at;
    }
  }
  return groups;
}

// The nearest of some instants when it is within reach, else the instant itself.
export function snap(at: number, instants: number[], reach: number): number {
  let best = at;
  let least = reach;
  for (const each of instants) {
    const off = Math.abs(each - at);
    if (off <= least) [best, least] = [each, off];
  }
  return best;
}

// The next mark in a direction.
export function nextMark(instants: number[], at: number, direction: 1 | -1): number | null {
  const sorted = [...instants].sort((one, other) => one - other);
  if (direction === 1) return sorted.find((each) => each > at + 50) ?? null;
  return sorted.reverse().find((each) => each < at - 600) ?? null;
}
