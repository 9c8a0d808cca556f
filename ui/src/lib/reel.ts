// One camera on the common clock: loads its clips one after the other, keeps the next one ready in a second video element,
// and holds the picture at the clock's instant. Where there is no video it says why.
import { Problem } from "../api/http";
import type { Clock } from "./clock";
import { Deck } from "./deck";
import type { Scale } from "./scale";
import {
  type Clip,
  chase,
  clipAt,
  clipEnd,
  clipFor,
  clipOf,
  type Kept,
  keptAt,
  loadedUntil,
  type Statement,
} from "./watch";

export type Look =
  | { kind: "picture" }
  | { kind: "loading" }
  | { kind: "gap"; reason: string | null; until: number | null }
  // There is no video; `why` is whether more can be known, as long as the coverage of the day has not come.
  | { kind: "none"; why: boolean }
  | { kind: "failed"; words: string };

type Slot = { video: HTMLVideoElement | null; clip: Clip | null; deck: Deck | null; stop: (() => void) | null };
type Empty = Scale & { until: number };

const KEEP = 10;
// A fetch that is followed by another one this soon is not worth beginning.
const SCRUB_MS = 140;
const PATIENCE_MS = 20_000;
const AGAIN_MS = 4_000;
// What is this near to the live edge may still come.
const NEAR_MS = 20_000;
const YOUNG_MS = 2_500;
// How much is still loaded at the live edge when the next piece is asked for: later there is more in one.
const RUNWAY_MS = 1_500;

export class Reel {
  look: Look = { kind: "loading" };
  // Which of the two video elements is seen.
  active = 0;
  ratio = 16 / 9;
  private clips: Clip[] = [];
  private readonly slots: [Slot, Slot] = [empty(), empty()];
  private nothing: Empty[] = [];
  private asking: { span: Scale; stop: AbortController } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private jumps = -1;
  private failed: { until: number; words: string } | null = null;
  private readonly listeners = new Set<() => void>();
  private ended = false;

  constructor(
    readonly clock: Clock,
    readonly store: string,
    readonly camera: string,
    // What is known of the recording besides the clips, by the coverage of the day.
    private readonly kept: (camera: string) => Kept[] | null,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private tell(): void {
    for (const each of [...this.listeners]) each();
  }

  // The deck of the picture that is seen, if it is one of now.
  get deck(): Deck | null {
    return this.look.kind === "picture" ? (this.slots[this.active as 0 | 1].deck ?? null) : null;
  }

  attach(which: 0 | 1, video: HTMLVideoElement): () => void {
    const slot = this.slots[which];
    slot.video = video;
    const stop = new AbortController();
    for (const name of ["loadeddata", "canplay", "seeked", "ended", "error"]) {
      video.addEventListener(name, () => this.tick(), { signal: stop.signal });
    }
    this.tick();
    return () => {
      stop.abort();
      this.unload(slot);
      slot.video = null;
    };
  }

  // Ends what it does; the elements stay with the page.
  dispose(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.asking?.stop.abort();
    this.asking = null;
    for (const slot of this.slots) this.unload(slot);
    for (const clip of this.clips) URL.revokeObjectURL(clip.url);
    this.clips = [];
    this.clock.hold(this.camera, false);
  }

  retry(): void {
    this.failed = null;
    this.nothing = [];
    this.tick();
  }

  // Called whenever the clock or a video has moved.
  tick(): void {
    if (this.ended) return;
    const at = this.clock.now;
    const jumped = this.jumps !== this.clock.jumps;
    this.jumps = this.clock.jumps;
    if (jumped) this.failed = null;
    this.see(this.decide(at, jumped));
    this.ahead(at);
  }

  private see(look: Look): void {
    this.clock.hold(this.camera, look.kind === "loading");
    const old = this.look;
    const same =
      old.kind === look.kind &&
      (look.kind !== "gap" || (old.kind === "gap" && old.reason === look.reason && old.until === look.until)) &&
      (look.kind !== "none" || (old.kind === "none" && old.why === look.why)) &&
      (look.kind !== "failed" || (old.kind === "failed" && old.words === look.words));
    if (same) return;
    this.look = look;
    if (look.kind === "gap" || look.kind === "none" || look.kind === "failed") this.rest();
    this.tell();
  }

  private rest(): void {
    for (const slot of this.slots) if (slot.video && !slot.video.paused) slot.video.pause();
  }

  private decide(at: number, jumped: boolean): Look {
    const known = this.kept(this.camera);
    const clip = clipAt(this.clips, at);
    if (clip) {
      const hole = keptAt(clip.gaps, at);
      if (hole && (clip.whole || hole.end < clipEnd(clip))) return gap(known, hole, at);
      return this.show(clip, at);
    }
    const empty = this.nothing.find((each) => each.from <= at && at < each.to && each.until > performance.now());
    const cover = known && keptAt(known, at);
    if (empty) return cover?.kind === "gap" ? gap(known, cover, at) : { kind: "none", why: known === null };
    // A gap that has ended is known for good; one that reaches up to now may be over.
    if (cover?.kind === "gap" && cover.end < this.clock.edge() - 30_000) return gap(known, cover, at);
    if (this.failed && performance.now() < this.failed.until) return { kind: "failed", words: this.failed.words };
    this.want(at, true, jumped);
    // A camera that is lost at the live edge does not stop the others each time it is asked for.
    const old = this.look.kind;
    if (!jumped && (old === "gap" || old === "none") && at > this.clock.edge() - NEAR_MS) return this.look;
    return { kind: "loading" };
  }

  // Puts the clip on the screen; loading as long as its picture is not there.
  private show(clip: Clip, at: number): Look {
    let which = this.slots.findIndex((each) => each.clip === clip) as 0 | 1 | -1;
    if (which < 0) {
      which = this.slots[this.active as 0 | 1].clip === null ? (this.active as 0 | 1) : ((1 - this.active) as 0 | 1);
      if (!this.load(this.slots[which], clip, at)) return { kind: "loading" };
    }
    const slot = this.slots[which as 0 | 1];
    const { video, deck } = slot;
    if (!video || !deck) return { kind: "loading" };
    if (deck.failed) return { kind: "failed", words: deck.failed };
    if (video.readyState < 1) return { kind: "loading" };
    const behind = Math.min(at, clip.to - 1) - (deck.from + video.currentTime * 1000);
    const { jump, rate } = chase(behind, this.clock.speed);
    const still = !this.clock.playing || this.clock.waiting || at >= clip.to || at < clip.from;
    if (!video.seeking) {
      if (
        still ? Math.abs(behind) > (this.clock.playing ? 80 : 8) && !(at < clip.from && video.currentTime < 0.01) : jump
      ) {
        if (still && !video.paused) video.pause();
        deck.seek(at);
      }
    }
    const ready = video.readyState >= 2 && !video.seeking;
    if (!ready) {
      // A picture of a moment ago is better than none, as long as somebody drags or steps.
      return which === this.active && this.look.kind === "picture" && !this.clock.playing
        ? this.look
        : { kind: "loading" };
    }
    if (which !== this.active) {
      this.slots[this.active as 0 | 1].video?.pause();
      this.active = which;
      this.tell();
    }
    if (video.videoWidth > 0) this.ratio = video.videoWidth / video.videoHeight;
    if (!this.clock.playing || at >= clip.to || at < clip.from) {
      if (!video.paused) video.pause();
    } else if (this.clock.waiting && this.look.kind === "picture") {
      if (!video.paused) video.pause();
    } else {
      if (Math.abs(video.playbackRate - rate) > 0.004) video.playbackRate = rate;
      // One that has ended would begin again.
      if (video.paused && !video.ended) void video.play().catch(() => undefined);
    }
    return { kind: "picture" };
  }

  private load(slot: Slot, clip: Clip, at: number): boolean {
    if (!slot.video) return false;
    this.unload(slot);
    slot.clip = clip;
    slot.deck = new Deck(clip.from, clip.to, at, clip.frame);
    slot.stop = slot.deck.attach(slot.video);
    // The frame that is seen after a jump or a step sets the time that is read beside it.
    slot.deck.subscribe(() => {
      if (!this.clock.playing) this.tell();
    });
    slot.video.src = clip.url;
    slot.video.defaultPlaybackRate = this.clock.speed;
    return true;
  }

  private unload(slot: Slot): void {
    slot.stop?.();
    slot.stop = null;
    slot.clip = null;
    slot.deck = null;
    if (slot.video?.getAttribute("src")) {
      slot.video.removeAttribute("src");
      slot.video.load();
    }
  }

  // The next clip is there before it is needed, and in the other video element.
  private ahead(at: number): void {
    if (this.failed || this.clock.scrubbing) return;
    const current = clipAt(this.clips, at);
    if (current) {
      const next = clipAt(this.clips, clipEnd(current));
      const spare = this.slots[(1 - this.active) as 0 | 1];
      const seen = this.slots[this.active as 0 | 1].clip === current;
      if (next && seen && spare.clip !== next && this.look.kind === "picture") this.load(spare, next, next.from);
    }
    let until = loadedUntil(this.clips, at);
    if (until === at && this.look.kind === "loading") return;
    if (until - at > Math.max(8_000, this.clock.speed * 6_000)) return;
    const known = this.kept(this.camera);
    // Over holes, and over what is loaded behind them.
    for (let end = this.holeEnd(known, until); end > until; end = this.holeEnd(known, until)) {
      until = loadedUntil(this.clips, end);
    }
    if (until - at > 60_000 * Math.max(1, this.clock.speed / 2) || until >= this.clock.edge() + RUNWAY_MS) return;
    this.want(until, false, false);
  }

  private holeEnd(known: Kept[] | null, at: number): number {
    const hole = known && keptAt(known, at);
    if (hole?.kind === "gap") return hole.end;
    return this.nothing.find((each) => each.from <= at && at < each.to)?.to ?? at;
  }

  private want(at: number, now: boolean, jumped: boolean): void {
    if (this.asking) {
      const { span, stop } = this.asking;
      if (!now || (span.from <= at && at < span.to)) return;
      stop.abort();
      this.asking = null;
    }
    if (!now && this.nothing.some((each) => each.from <= at && at < each.to && each.until > performance.now())) return;
    clearTimeout(this.timer);
    const alone = now && (jumped || clipAt(this.clips, at - 1) === null);
    const begin = () => {
      if (!this.ended && !this.asking && !clipAt(this.clips, at)) void this.ask(clipFor(this.clips, at, alone));
    };
    if (this.clock.scrubbing && now) this.timer = setTimeout(begin, SCRUB_MS);
    else begin();
  }

  private async ask(span: Scale): Promise<void> {
    const stop = new AbortController();
    this.asking = { span, stop };
    const patience = setTimeout(() => stop.abort("late"), PATIENCE_MS);
    try {
      const clip = await fetchClip(this.store, this.camera, span, stop.signal);
      if (this.ended || stop.signal.aborted) return;
      if (clip === null) {
        const young = span.to > this.clock.edge() - NEAR_MS;
        this.nothing.push({ ...span, until: young ? performance.now() + YOUNG_MS : Number.POSITIVE_INFINITY });
        if (young) setTimeout(() => this.tick(), YOUNG_MS + 50);
      } else this.keep(clip);
      this.failed = null;
    } catch (error) {
      if (stop.signal.aborted && stop.signal.reason !== "late") return;
      const words =
        error instanceof Problem ? `${error.title}. ${error.cure}` : "The video stopped coming. Is the server gone?";
      this.failed = { until: performance.now() + AGAIN_MS, words };
      setTimeout(() => this.tick(), AGAIN_MS + 50);
    } finally {
      clearTimeout(patience);
      if (this.asking?.stop === stop) this.asking = null;
    }
    this.tick();
  }

  private keep(clip: Clip): void {
    this.clips.push(clip);
    this.clips.sort((one, other) => one.asked.from - other.asked.from);
    const far = (each: Clip) => Math.abs((each.from + each.to) / 2 - this.clock.now);
    while (this.clips.length > KEEP) {
      const spare = this.clips.filter((each) => each !== clip && !this.slots.some((slot) => slot.clip === each));
      const last = spare.sort((one, other) => far(other) - far(one))[0];
      if (!last) return;
      URL.revokeObjectURL(last.url);
      this.clips = this.clips.filter((each) => each !== last);
    }
  }
}

function empty(): Slot {
  return { video: null, clip: null, deck: null, stop: null };
}

// The whole hole around a gap: a broken connection and the silence after it have one end.
function gap(known: Kept[] | null, hole: Kept, at: number): Look {
  let until = hole.end;
  let reason = (known && keptAt(known, at)?.reason) ?? hole.reason;
  for (let next = known && keptAt(known, until); next?.kind === "gap"; next = known && keptAt(known, until)) {
    until = next.end;
    reason = reason ?? next.reason;
  }
  return { kind: "gap", reason, until };
}

// One request: the bytes as they were at that moment, and what they show. Null where there is no video.
async function fetchClip(store: string, camera: string, span: Scale, signal: AbortSignal): Promise<Clip | null> {
  const query = new URLSearchParams({
    from: new Date(span.from).toISOString(),
    to: new Date(span.to).toISOString(),
    store,
  });
  const response = await fetch(`/api/v1/clips/${encodeURIComponent(camera)}.mp4?${query}`, {
    signal,
    credentials: "same-origin",
  });
  if (response.status === 404) {
    const body = (await response.json().catch(() => null)) as { title?: string; detail?: string } | null;
    if (body?.title === "no video") return null;
    throw new Problem(404, body?.title ?? "Error 404", body?.detail ?? "");
  }
  if (!response.ok) throw new Problem(response.status, `Error ${response.status}`, response.statusText);
  const statement = JSON.parse(response.headers.get("tillsight-clip") ?? "null") as Statement | null;
  if (!statement) throw new Problem(500, "The clip does not say what it shows", "");
  const served = Date.parse(response.headers.get("date") ?? "") || Date.now();
  const bytes = await response.blob();
  return clipOf(span, statement, URL.createObjectURL(bytes), served);
}
