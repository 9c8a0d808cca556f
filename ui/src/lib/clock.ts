// One clock for several cameras: one instant, one speed, play or pause. It stands while a camera that has video at this
// instant is still loading it, so that all show the same moment; a gap does not stop it.
import { SPEEDS } from "./deck";

type Listener = () => void;

export class Clock {
  now: number;
  playing = false;
  speed = 1;
  // Somebody drags: what flies by is not loaded at once.
  scrubbing = false;
  // The newest instant there can be video of.
  edge: () => number = () => Number.POSITIVE_INFINITY;
  // Counts jumps, so that who follows can tell one from playing on.
  jumps = 0;
  private last: number | null = null;
  private readonly held = new Set<string>();
  private readonly listeners = new Set<Listener>();

  constructor(at: number) {
    this.now = at;
  }

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private tell(): void {
    for (const each of [...this.listeners]) each();
  }

  get waiting(): boolean {
    return this.held.size > 0;
  }

  // At the newest instant, where it can only go as fast as time does.
  get live(): boolean {
    return this.now >= this.edge() - 2_500;
  }

  hold(who: string, on: boolean): void {
    if (this.held.has(who) === on) return;
    if (on) this.held.add(who);
    else this.held.delete(who);
    this.tell();
  }

  // Goes on to a moment of the machine's own steady clock, in milliseconds.
  tick(steady: number): void {
    const passed = this.last === null ? 0 : Math.max(0, steady - this.last);
    this.last = steady;
    if (!this.playing || this.waiting || passed === 0) return;
    const next = this.now + passed * this.speed;
    const edge = this.edge();
    this.now = this.now >= edge ? this.now : Math.min(next, edge);
    if (next > edge && this.speed > 1) this.speed = 1;
    this.tell();
  }

  seek(at: number): void {
    this.now = Math.min(at, Math.max(this.edge(), this.now));
    this.jumps += 1;
    this.tell();
  }

  jump(seconds: number): void {
    this.seek(this.now + seconds * 1000);
  }

  scrub(on: boolean): void {
    if (this.scrubbing === on) return;
    this.scrubbing = on;
    this.tell();
  }

  play(): void {
    if (this.playing) return;
    this.playing = true;
    this.last = null;
    this.tell();
  }

  pause(): void {
    if (!this.playing) return;
    this.playing = false;
    this.tell();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.tell();
  }

  faster(direction: 1 | -1): void {
    const at = SPEEDS.indexOf(this.speed);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (at < 0 ? 2 : at) + direction))] ?? 1);
  }
}
