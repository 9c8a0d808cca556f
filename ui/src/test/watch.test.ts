import { describe, expect, it } from "vitest";
import { Clock } from "../lib/clock";
import { Deck } from "../lib/deck";
import { Stills } from "../lib/stills";
import {
  type Clip,
  camerasOf,
  centred,
  chase,
  clipAt,
  clipEnd,
  clipFor,
  clipOf,
  cluster,
  DAY,
  follow,
  holes,
  type Kept,
  keptAt,
  loadedUntil,
  loadSpan,
  MINUTE,
  nearestRecording,
  nextMark,
  pan,
  recordedEnds,
  snap,
  spanOf,
  tail,
  zoom,
} from "../lib/watch";

const T = Date.parse("2026-11-26T21:00:00Z");
const clip = (from: number, to: number, more: Partial<Clip> = {}): Clip => ({
  asked: { from: T + from, to: T + to },
  from: T + from + 50,
  to: T + to - 50,
  frame: 0.1,
  gaps: [],
  url: `${from}`,
  whole: true,
  ...more,
});
const kept = (start: number, end: number, kind: Kept["kind"], reason: string | null = null): Kept => ({
  start: T + start,
  end: T + end,
  kind,
  reason,
});

describe("the address", () => {
  it("names at most four cameras, each once", () => {
    expect(camerasOf("a,b,a,,c,d,e")).toEqual(["a", "b", "c", "d"]);
    expect(camerasOf(undefined)).toEqual([]);
  });

  it("takes a zoom that can be", () => {
    expect(spanOf("600", 1)).toBe(600_000);
    expect([spanOf("x", 7), spanOf("-5", 7), spanOf(undefined, 7)]).toEqual([7, 7, 7]);
    expect([spanOf("1", 7), spanOf("9999999", 7)]).toEqual([MINUTE, DAY + 60 * MINUTE]);
  });
});

describe("the part of time that is shown", () => {
  const view = centred(T, 60 * MINUTE);

  it("keeps the instant under the pointer where it is", () => {
    const closer = zoom(view, 0.5, view.from + 15 * MINUTE);
    expect(closer.to - closer.from).toBe(30 * MINUTE);
    expect((view.from + 15 * MINUTE - closer.from) / (30 * MINUTE)).toBe(0.25);
  });

  it("goes from a minute to a day, or to 25 hours where the day has them", () => {
    const near = zoom(view, 0.0001, T);
    expect(near.to - near.from).toBe(MINUTE);
    const far = zoom(view, 1000, T);
    expect(far.to - far.from).toBe(DAY);
    const longest = zoom(view, 1000, T, 25 * 60 * MINUTE);
    expect(longest.to - longest.from).toBe(25 * 60 * MINUTE);
  });

  it("turns the page when playback runs out of it, and centres a jump", () => {
    expect(follow(view, T, true)).toBe(view);
    const next = follow(view, view.to + 1000, true);
    expect(next.from).toBe(view.to + 1000 - 6 * MINUTE);
    expect(follow(view, view.to + 1000, false)).toEqual(centred(view.to + 1000, 60 * MINUTE));
    expect(follow(view, view.from - DAY, true)).toEqual(centred(view.from - DAY, 60 * MINUTE));
  });

  it("asks for nothing new after a small move", () => {
    const near = centred(T + 20 * MINUTE, 10 * MINUTE);
    expect(loadSpan(pan(near, 1000))).toEqual(loadSpan(near));
    const span = loadSpan(view);
    expect(span.from <= view.from && span.to >= view.to).toBe(true);
  });
});

describe("what a camera has", () => {
  const spans = [
    kept(0, 100, "recorded"),
    kept(100, 101, "gap", "disconnected"),
    kept(101, 900, "gap", "unreachable"),
    kept(900, 1000, "recorded"),
  ];

  it("is known to the instant", () => {
    expect(keptAt(spans, T + 99)?.kind).toBe("recorded");
    expect(keptAt(spans, T + 100)?.reason).toBe("disconnected");
    expect(keptAt(spans, T + 1000)).toBeNull();
  });

  it("has one hole where a connection broke and did not come back at once", () => {
    expect(holes(spans)).toEqual([kept(100, 900, "gap", "unreachable")]);
  });

  it("goes on after the coverage was asked for as the camera's state says", () => {
    const live = tail(spans, true, 0, null, T + 1_500).at(-1);
    expect(live).toEqual(kept(1_000, 1_500, "recorded"));
    const lost = tail(spans, false, T + 1_200, "unreachable", T + 1_500).slice(-2);
    expect(lost).toEqual([kept(1_000, 1_200, "recorded"), kept(1_200, 1_500, "gap", "unreachable")]);
    expect(tail(spans, true, 0, null, T + 900)).toBe(spans);
    expect(tail([], true, 0, null, T)).toEqual([]);
  });

  it("begins and ends with what is recorded", () => {
    expect(recordedEnds([spans, [kept(-50, 20, "recorded")]])).toEqual({ start: T - 50, end: T + 1000 });
    expect(recordedEnds([[kept(0, 5, "gap")]])).toBeNull();
  });
});

describe("clips", () => {
  it("are short after a jump and end at a border else", () => {
    expect(clipFor([], T + 5_300, true)).toEqual({ from: T + 4_000, to: T + 12_000 });
    expect(clipFor([], T + 12_000, false)).toEqual({ from: T + 12_000, to: T + 20_000 });
    expect(clipFor([], T + 20_000, false)).toEqual({ from: T + 20_000, to: T + 40_000 });
  });

  it("ask for nothing twice", () => {
    const have = [clip(4_000, 12_000), clip(20_000, 40_000)];
    expect(clipFor(have, T + 12_000, false)).toEqual({ from: T + 12_000, to: T + 20_000 });
    expect(clipFor(have, T + 3_900, true)).toEqual({ from: T + 2_000, to: T + 4_000 });
    expect(clipFor(have, T + 12_500, true).from).toBe(T + 12_000);
    expect(loadedUntil([clip(0, 4_000), ...have], T)).toBe(T + 12_000);
    expect(loadedUntil(have, T)).toBe(T);
  });

  it("always hold the instant that they are asked for", () => {
    for (let at = 0; at < 60_000; at += 137) {
      for (const jumped of [true, false]) {
        const span = clipFor([clip(4_000, 12_000)], T + at, jumped);
        if (clipAt([clip(4_000, 12_000)], T + at)) continue;
        expect(span.from <= T + at && T + at < span.to).toBe(true);
      }
    }
  });

  it("that are being recorded reach to their last frame, and the rest is asked for from there", () => {
    const young = clip(0, 20_000, { whole: false, to: T + 7_000 });
    expect(clipEnd(young)).toBe(T + 7_000);
    expect(clipAt([young], T + 8_000)).toBeNull();
    expect(clipFor([young], T + 8_000, false)).toEqual({ from: T + 8_000, to: T + 20_000 });
    expect(clipFor([young], T + 8_000, true).from).toBe(T + 8_000);
  });

  it("have time 0 at their first frame and say how long a frame is, gaps aside", () => {
    const statement = {
      from_at: "2026-11-26T20:56:00Z",
      to_at: "2026-11-26T20:57:00Z",
      first_frame_at: "2026-11-26T20:56:00.097534Z",
      duration_us: 59_999_144,
      frames: 336,
      gaps: [
        { start_at: "2026-11-26T20:56:13.797534Z", end_at: "2026-11-26T20:56:40.196679Z", reason: "disconnected" },
      ],
    };
    const asked = { from: Date.parse(statement.from_at), to: Date.parse(statement.to_at) };
    const made = clipOf(asked, statement, "blob:", asked.to + 10_000);
    expect(made.from).toBe(Date.parse("2026-11-26T20:56:00.097Z"));
    expect(made.to).toBeCloseTo(made.from + 59_999.144, 3);
    expect(made.frame).toBeCloseTo(0.1, 2);
    expect(made.whole).toBe(true);
    expect(clipOf(asked, statement, "blob:", asked.to).whole).toBe(false);
    expect(keptAt(made.gaps, Date.parse("2026-11-26T20:56:20Z"))?.reason).toBe("disconnected");
  });
});

describe("a video on the clock", () => {
  it("is left alone when it is near, hurried when it is behind, and put right when it is far", () => {
    expect(chase(10, 1)).toEqual({ jump: false, rate: 1 });
    expect(chase(80, 1).rate).toBeGreaterThan(1);
    expect(chase(-80, 2).rate).toBeLessThan(2);
    expect(chase(400, 1).jump).toBe(true);
    expect(chase(400, 8).jump).toBe(false);
  });

  it("steps to the middle of the neighbouring frame, also over the end of its file", () => {
    const deck = new Deck(T, T + 1_000, T + 950, 0.1);
    expect(deck.beside(1) - T).toBeCloseTo(1_100, 6);
    expect(deck.beside(-1) - T).toBeCloseTo(900, 6);
  });
});

describe("the clock of several cameras", () => {
  it("goes at its speed and stands while somebody loads", () => {
    const clock = new Clock(T);
    clock.setSpeed(4);
    clock.play();
    clock.tick(1_000);
    clock.tick(1_100);
    expect(clock.now).toBe(T + 400);
    clock.hold("kiosk", true);
    clock.tick(2_000);
    expect([clock.now, clock.waiting]).toEqual([T + 400, true]);
    clock.hold("kiosk", false);
    // What passed while it stood is not made up for.
    clock.tick(2_010);
    expect(clock.now).toBe(T + 440);
  });

  it("does not pass the live edge, and goes on with it at single speed", () => {
    const clock = new Clock(T);
    let edge = T + 1_000;
    clock.edge = () => edge;
    clock.setSpeed(8);
    clock.play();
    clock.tick(0);
    clock.tick(500);
    expect([clock.now, clock.speed, clock.live]).toEqual([T + 1_000, 1, true]);
    edge = T + 1_100;
    clock.tick(600);
    expect(clock.now).toBe(T + 1_100);
    clock.seek(T + 99_000);
    expect(clock.now).toBe(T + 1_100);
  });

  it("chooses the speed beside", () => {
    const clock = new Clock(T);
    clock.faster(1);
    expect(clock.speed).toBe(2);
    for (let count = 0; count < 9; count++) clock.faster(-1);
    expect(clock.speed).toBe(0.25);
  });
});

describe("marks", () => {
  it("that are near each other are one", () => {
    const view = { from: T, to: T + 1_000 };
    const groups = cluster([{ at: T + 300 }, { at: T }, { at: T + 10 }, { at: T - 5 }], view, 1_000, 24);
    expect(groups.map((each) => each.length)).toEqual([2, 1]);
    expect(cluster([{ at: T }], view, 0, 24)).toEqual([]);
  });

  it("catch a click beside them", () => {
    expect(snap(T + 95, [T + 100, T + 200], 6)).toBe(T + 100);
    expect(snap(T + 90, [T + 100, T + 200], 6)).toBe(T + 90);
  });

  it("are gone through in both directions", () => {
    const marks = [T + 5_000, T, T + 2_000];
    expect(nextMark(marks, T, 1)).toBe(T + 2_000);
    expect(nextMark(marks, T + 2_300, -1)).toBe(T);
    expect(nextMark(marks, T + 5_000, 1)).toBeNull();
  });
});

describe("pictures for the hover", () => {
  it("are asked for one at a time, the latest wish only, and kept", async () => {
    const asked: string[] = [];
    let answer: () => void = () => undefined;
    let told = 0;
    const stills = new Stills(
      () => {
        told += 1;
      },
      (path) => {
        asked.push(new URL(path, "http://x").searchParams.get("at") ?? "");
        return new Promise((done) => {
          answer = () => done({ none: true });
        });
      },
    );
    const rest = () => new Promise((done) => setTimeout(done, 150));
    stills.at("17", "kiosk", T);
    stills.at("17", "kiosk", T + 1_000);
    await rest();
    stills.at("17", "kiosk", T + 2_000);
    stills.at("17", "kiosk", T + 3_000);
    await rest();
    expect(asked).toEqual([new Date(T + 1_000).toISOString()]);
    answer();
    await rest();
    expect(asked).toEqual([new Date(T + 1_000).toISOString(), new Date(T + 3_000).toISOString()]);
    answer();
    await rest();
    expect(stills.at("17", "kiosk", T + 1_000)).toEqual({ none: true });
    expect(told).toBe(2);
  });
});

describe("a time without a recording", () => {
  const ends = { first: T, last: T + 100_000 };
  const spans = [kept(0, 10_000, "recorded"), kept(40_000, 100_000, "recorded")];

  it("leads to the first or the last recording from outside of them", () => {
    expect(nearestRecording([], ends, T - DAY)).toEqual({ words: "First recording", at: T + 250 });
    expect(nearestRecording([], ends, T + DAY)).toEqual({ words: "Last recording", at: T + 99_000 });
    expect(nearestRecording([], { first: null, last: null }, T)).toBeNull();
  });

  it("leads to the nearer one in between", () => {
    expect(nearestRecording(spans, ends, T + 12_000)).toEqual({ words: "Recording before", at: T + 9_000 });
    expect(nearestRecording(spans, ends, T + 35_000)).toEqual({ words: "Next recording", at: T + 40_250 });
    expect(nearestRecording([], ends, T + 35_000)?.words).toBe("First recording");
  });
});
