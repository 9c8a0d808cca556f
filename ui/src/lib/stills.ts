// Pictures for the hover of a timeline: asked for when the hand rests, at most one request at a time, the latest wish
// only, and kept for a while.

export type Picture = { url: string } | { none: true };
type Wish = { key: string; path: string };

const REST_MS = 120;

export class Stills {
  private readonly kept = new Map<string, Picture>();
  private wish: Wish | null = null;
  private busy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: () => void,
    private readonly load: (path: string) => Promise<Picture> = fetched,
    private readonly most = 80,
  ) {}

  // The picture of a camera at an instant, when it is there; asks for it else.
  at(store: string, camera: string, at: number): Picture | null {
    const key = `${store} ${camera} ${at}`;
    const known = this.kept.get(key);
    if (known) {
      this.wish = null;
      // The last used stays longest.
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    if (this.wish?.key !== key) {
      const query = new URLSearchParams({ at: new Date(at).toISOString(), store });
      this.wish = { key, path: `/api/v1/stills/${encodeURIComponent(camera)}.jpg?${query}` };
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.next(), REST_MS);
    }
    return null;
  }

  // Nobody looks any more.
  rest(): void {
    this.wish = null;
    clearTimeout(this.timer);
  }

  clear(): void {
    this.rest();
    for (const each of this.kept.values()) if ("url" in each) URL.revokeObjectURL(each.url);
    this.kept.clear();
  }

  private async next(): Promise<void> {
    const wish = this.wish;
    if (!wish || this.busy) return;
    this.busy = true;
    const picture = await this.load(wish.path).catch((): Picture => ({ none: true }));
    this.busy = false;
    this.kept.set(wish.key, picture);
    for (const [key, old] of this.kept) {
      if (this.kept.size <= this.most) break;
      if ("url" in old) URL.revokeObjectURL(old.url);
      this.kept.delete(key);
    }
    if (this.wish?.key === wish.key) this.wish = null;
    else if (this.wish) void this.next();
    this.tell();
  }
}

async function fetched(path: string): Promise<Picture> {
  const response = await fetch(path, { credentials: "same-origin" });
  return response.ok ? { url: URL.createObjectURL(await response.blob()) } : { none: true };
}
