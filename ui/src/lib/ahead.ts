// The beginning of the next clip, loaded before it is asked for: a video element with its first picture decoded, which the
// player takes over as it is. A clip is kept nowhere else (the server forbids it, and notes who saw what), so that the
// element itself must be handed on. There is never more than one.
import type { Video } from "../api/types";

// Analysts want the moment before, not the whole padding.
const LEAD_MS = 8000;

// Where a clip begins to be shown, in milliseconds since 1970.
export function beginOf(video: Video): number {
  return Math.max(Date.parse(video.event_at) - LEAD_MS, Date.parse(video.starts_at ?? video.from_at));
}

let kept: { url: string; element: HTMLVideoElement } | null = null;
// What is on the page. The next one is not loaded before this one can play.
let shown: HTMLVideoElement | null = null;
let waiting: AbortController | null = null;

// The browser goes to the place before it shows a picture: no other one flashes up, and none is decoded for nothing.
function make(url: string, seconds: number): HTMLVideoElement {
  const element = document.createElement("video");
  element.muted = true;
  element.playsInline = true;
  element.preload = "auto";
  element.src = seconds > 0 ? `${url}#t=${seconds.toFixed(3)}` : url;
  return element;
}

// Ends loading; a connection would stay open otherwise.
export function free(element: HTMLVideoElement): void {
  if (shown === element) shown = null;
  element.pause();
  element.removeAttribute("src");
  element.load();
}

export function forget(): void {
  waiting?.abort();
  if (kept) free(kept.element);
  kept = null;
}

export function loadAhead(video: Video): void {
  const url = video.play_url;
  if (!url || kept?.url === url) return;
  forget();
  const wish = new AbortController();
  waiting = wish;
  const load = () => {
    wish.abort();
    kept = { url, element: make(url, (beginOf(video) - Date.parse(video.starts_at ?? video.from_at)) / 1000) };
  };
  if (!shown || shown.readyState >= 3 || shown.error) load();
  else for (const name of ["canplay", "error"]) shown.addEventListener(name, load, { signal: wish.signal });
}

// The element for a clip: the one that is ready, or a new one that begins so many seconds in it.
export function take(url: string, seconds: number): HTMLVideoElement {
  shown = kept?.url === url ? kept.element : make(url, seconds);
  if (kept?.url === url) kept = null;
  return shown;
}
