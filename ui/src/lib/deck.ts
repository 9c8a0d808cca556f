// One video on one clock. Time 0 of the file is `from`; everything beside the picture follows `now`, which is set by
// each frame that is shown, not by the player's coarse events.

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

type Listener = () => void;

export class Deck {
  readonly from: number;
  readonly to: number;
  // The instant that is shown, in milliseconds since 1970.
  now: number;
  playing = false;
  speed = 1;
  muted = true;
  // What the file could not do, in words.
  failed: string | null = null;
  private video: HTMLVideoElement | null = null;
  private frame: number;
  private last = -1;
  private callback = 0;
  private readonly listeners = new Set<Listener>();
  private first: number | null = null;

  constructor(from: number, to: number, start: number, frame = 1 / 15) {
    this.frame = frame;
    this.from = from;
    this.to = Math.max(to, from + 1);
    this.now = Math.min(Math.max(start, from), this.to);
    this.first = this.now;
  }

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private tell(): void {
    for (const each of this.listeners) each();
  }

  private show(seconds: number): void {
    this.now = this.from + seconds * 1000;
    this.tell();
  }

  attach(video: HTMLVideoElement): () => void {
    this.video = video;
    const stop = new AbortController();
    const on = (name: string, act: () => void) => video.addEventListener(name, act, { signal: stop.signal });
    const begin = () => {
      const seconds = this.first === null ? null : (this.first - this.from) / 1000;
      // A clip that was loaded ahead stands there already.
      if (seconds !== null && Math.abs(video.currentTime - seconds) > 0.01) video.currentTime = seconds;
      this.first = null;
    };
    on("loadedmetadata", begin);
    on("play", () => {
      this.playing = true;
      this.tell();
    });
    on("pause", () => {
      this.playing = false;
      this.tell();
    });
    on("seeked", () => this.show(video.currentTime));
    on("ratechange", () => {
      this.speed = video.playbackRate;
      this.tell();
    });
    on("volumechange", () => {
      this.muted = video.muted;
      this.tell();
    });
    on("progress", () => this.tell());
    on("error", () => {
      const code = video.error?.code;
      this.failed =
        code === 2
          ? "The video stopped coming. The server or the connection is gone."
          : "This browser cannot play the video. It may be gone, or recorded in a form that needs another player.";
      this.tell();
    });
    if (video.readyState >= 1) begin();
    const each = (_now: number, frame: { mediaTime: number }) => {
      const step = frame.mediaTime - this.last;
      if (step > 0.008 && step < 0.2 && video.playbackRate <= 1) this.frame = Math.min(step, 0.2);
      this.last = frame.mediaTime;
      if (!video.seeking) this.show(frame.mediaTime);
      this.callback = video.requestVideoFrameCallback(each);
    };
    if ("requestVideoFrameCallback" in video) this.callback = video.requestVideoFrameCallback(each);
    else on("timeupdate", () => this.show((video as HTMLVideoElement).currentTime));
    return () => {
      stop.abort();
      if (this.callback) video.cancelVideoFrameCallback?.(this.callback);
      this.video = null;
    };
  }

  seek(at: number): void {
    const bounded = Math.min(Math.max(at, this.from), this.to - 1);
    this.now = bounded;
    if (this.video && this.video.readyState >= 1) this.video.currentTime = (bounded - this.from) / 1000;
    else this.first = bounded;
    this.tell();
  }

  jump(seconds: number): void {
    this.seek(this.now + seconds * 1000);
  }

  toggle(): void {
    if (!this.video) return;
    if (this.video.paused) void this.video.play().catch(() => undefined);
    else this.video.pause();
  }

  pause(): void {
    this.video?.pause();
  }

  // The middle of the neighbouring frame, so that rounding never shows the same one again. It may lie beyond the file.
  beside(direction: 1 | -1): number {
    const shown =
      this.last >= 0 && this.video ? Math.min(this.last, this.video.currentTime) : (this.now - this.from) / 1000;
    const base =
      this.video && Math.abs(this.video.currentTime - shown) < this.frame ? shown : (this.now - this.from) / 1000;
    return this.from + (base + this.frame * (direction + 0.5)) * 1000;
  }

  step(direction: 1 | -1): void {
    this.pause();
    this.seek(this.beside(direction));
  }

  faster(direction: 1 | -1): void {
    const at = SPEEDS.indexOf(this.speed);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (at < 0 ? 2 : at) + direction))] ?? 1);
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    if (this.video) this.video.playbackRate = speed;
    this.tell();
  }

  mute(): void {
    if (this.video) this.video.muted = !this.video.muted;
  }

  buffered(): [number, number][] {
    const ranges = this.video?.buffered;
    if (!ranges) return [];
    return Array.from({ length: ranges.length }, (_, at) => [
      this.from + ranges.start(at) * 1000,
      this.from + ranges.end(at) * 1000,
    ]);
  }
}

// The last of some sorted instants that is not after `at`; -1 before the first.
export function lastAt(instants: number[], at: number): number {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((instants[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// The nearest, when it is near enough; else -1.
export function nearestAt(instants: number[], at: number, within: number): number {
  const before = lastAt(instants, at);
  const one = instants[before];
  const other = instants[before + 1];
  const left = one === undefined ? Number.POSITIVE_INFINITY : at - one;
  const right = other === undefined ? Number.POSITIVE_INFINITY : other - at;
  if (Math.min(left, right) > within) return -1;
  return left <= right ? before : before + 1;
}
