// A result of any length, of which only what is looked at is fetched. The server counts hits per stretch of time, newest
// first, so that row 80,000 is in a known stretch: that stretch is asked for, counts its own finer stretches, and so on. The
// end of 100,000 hits is three requests away, not five hundred.
import type { Bucket, Hit, SearchPage } from "../api/types";

type Span = { from?: string; to?: string };

// Rows that follow each other. `hits` are the first of them.
type Stretch = Span & { count: number; hits: Hit[]; cursor: string | null; asked: boolean; whole: boolean };

export type Fetch = (span: Span, cursor: string) => Promise<SearchPage>;

// Stretches of more hits are taken apart.
const LARGE = 400;

const size = (bucket: Bucket) => bucket.alerts + bucket.receipts;

// A page as stretches by its own counts; one stretch when they say nothing.
function parts(page: SearchPage, span: Span): Stretch[] {
  const counted = page.histogram.filter((each) => size(each) > 0).reverse();
  const sum = counted.reduce((all, each) => all + size(each), 0);
  const known = page.items.length;
  if (known >= page.total || counted.length < 2 || sum !== page.total) {
    return [{ ...span, count: page.total, hits: page.items, cursor: page.next_cursor, asked: true, whole: true }];
  }
  let at = 0;
  return counted.map((each) => {
    const count = size(each);
    const hits = page.items.slice(at, at + count);
    at += count;
    const later = (one: string, other?: string) => (other !== undefined && other > one ? other : one);
    const sooner = (one: string, other?: string) => (other !== undefined && other < one ? other : one);
    return {
      from: later(each.start_at, span.from),
      to: sooner(each.end_at, span.to),
      count,
      hits,
      cursor: null,
      asked: false,
      whole: false,
    };
  });
}

export class Results {
  // Rises with every change, for whoever draws.
  version = 0;
  failed: unknown = null;
  private stretches: Stretch[];
  private starts: number[] = [];
  private wanted: [number, number] = [0, 0];
  private busy = false;
  private readonly listeners = new Set<() => void>();
  private readonly fetch: Fetch;

  constructor(first: SearchPage, span: Span, fetch: Fetch) {
    this.fetch = fetch;
    this.stretches = parts(first, span);
    this.count();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get length(): number {
    const last = this.stretches.length - 1;
    return (this.starts[last] ?? 0) + (this.stretches[last]?.count ?? 0);
  }

  at(row: number): Hit | undefined {
    const index = this.of(row);
    return this.stretches[index]?.hits[row - (this.starts[index] ?? 0)];
  }

  // These rows are looked at. One request at a time: while somebody drags, only where the hand is now is asked for next.
  want(first: number, last: number): void {
    this.wanted = [Math.max(0, first), Math.min(this.length - 1, last)];
    if (!this.busy && this.failed === null) void this.work();
  }

  retry(): void {
    this.failed = null;
    this.tell();
    void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    for (let index = this.missing(); index >= 0; index = this.missing()) {
      try {
        await this.more(index);
      } catch (error) {
        this.failed = error;
        this.tell();
        break;
      }
    }
    this.busy = false;
  }

  // The first stretch of which a wanted row is not there.
  private missing(): number {
    const [first, last] = this.wanted;
    for (let row = first; row <= Math.min(last, this.length - 1); row++) {
      if (!this.at(row)) return this.of(row);
    }
    return -1;
  }

  private async more(index: number): Promise<void> {
    const stretch = this.stretches[index];
    if (!stretch) return;
    const begin = !stretch.asked;
    const page = await this.fetch({ from: stretch.from, to: stretch.to }, begin ? "" : (stretch.cursor ?? ""));
    if (begin && stretch.count > LARGE && !stretch.whole) {
      this.stretches.splice(index, 1, ...parts(page, stretch));
    } else {
      stretch.hits = begin ? page.items : [...stretch.hits, ...page.items];
      stretch.cursor = page.next_cursor;
      stretch.asked = true;
      // Counted anew: what came meanwhile, or is gone, changes the length and nothing else.
      stretch.count = page.next_cursor ? Math.max(page.total, stretch.hits.length + 1) : stretch.hits.length;
    }
    this.stretches = this.stretches.filter((each) => each.count > 0);
    this.count();
    this.tell();
  }

  private of(row: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.starts[middle] ?? 0) <= row) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private count(): void {
    let sum = 0;
    this.starts = this.stretches.map((each) => {
      const start = sum;
      sum += each.count;
      return start;
    });
  }

  private tell(): void {
    this.version += 1;
    for (const each of this.listeners) each();
  }
}
