// The cameras that are shown together, and what drives them: frames of the screen while it plays, their own events else.
import { Clock } from "./clock";
import { Reel } from "./reel";
import type { Kept } from "./watch";

// What is older than this has been written.
const SETTLED_MS = 30_000;

export class Wall {
  readonly clock: Clock;
  reels: Reel[] = [];
  private kept = new Map<string, Kept[]>();
  private frame = 0;
  private running = false;
  private readonly listeners = new Set<() => void>();

  constructor(at: number) {
    this.clock = new Clock(at);
    this.clock.subscribe(() => {
      this.follow();
      this.tell();
    });
  }

  // The clock, or what a camera shows.
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private readonly tell = (): void => {
    for (const each of [...this.listeners]) each();
  };

  // While the page is there.
  run(): () => void {
    this.running = true;
    this.follow();
    return () => {
      this.running = false;
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.clock.pause();
      for (const each of this.reels) each.dispose();
      this.reels = [];
    };
  }

  // Cameras that stay keep what they have loaded.
  show(store: string, cameras: string[]): Reel[] {
    const next = cameras.map(
      (camera) =>
        this.reels.find((each) => each.store === store && each.camera === camera) ??
        new Reel(this.clock, store, camera, (id) => this.kept.get(id) ?? null),
    );
    for (const each of this.reels) if (!next.includes(each)) each.dispose();
    for (const each of next) if (!this.reels.includes(each)) each.subscribe(this.tell);
    this.reels = next;
    this.follow();
    return next;
  }

  know(kept: Map<string, Kept[]>): void {
    this.kept = kept;
    this.follow();
  }

  // The camera whose frames the steps go by: the first that has a picture.
  get lead(): Reel | null {
    return this.reels.find((each) => each.deck !== null) ?? null;
  }

  // The instant to be read on the page: of the frame that is seen when it stands, of the clock while it moves.
  get shown(): number {
    const deck = this.clock.playing ? null : this.lead?.deck;
    if (!deck || Math.abs(deck.now - this.clock.now) > 250) return this.clock.now;
    return deck.now;
  }

  // No camera has anything here, for good: time does not run on over black.
  private get blank(): boolean {
    return (
      this.reels.length > 0 &&
      this.reels.every(({ look }) => look.kind === "none" && !look.why) &&
      this.clock.now < this.clock.edge() - SETTLED_MS
    );
  }

  step(direction: 1 | -1): void {
    this.clock.pause();
    const deck = this.lead?.deck;
    this.clock.seek(deck ? deck.beside(direction) : this.clock.now + direction * 100);
  }

  private following = false;
  private readonly follow = (): void => {
    // A reel that holds the clock makes it tell again.
    if (!this.running || this.following) return;
    this.following = true;
    for (const each of this.reels) each.tick();
    this.following = false;
    if (this.clock.playing && this.blank) this.clock.pause();
    if (this.clock.playing && this.frame === 0) this.frame = requestAnimationFrame(this.next);
  };

  private readonly next = (steady: number): void => {
    this.frame = 0;
    if (!this.running || !this.clock.playing) return;
    const before = this.clock.now;
    this.clock.tick(steady);
    // A clock that waits has told nobody.
    if (this.clock.now === before) this.follow();
    if (this.frame === 0 && this.clock.playing) this.frame = requestAnimationFrame(this.next);
  };
}
