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

function make(url: string): HTMLVideoElement {
  const element = document.createElement("video");
  element.muted = true;
  element.playsInline = true;
  element.preload = "auto";
  element.src = url;
  return element;
}

// Ends loading; a connection would stay open otherwise.
export function free(element: HTMLVideoElement): void {
  element.pause();
  element.removeAttribute("src");
  element.load();
}

export function forget(): void {
  if (kept) free(kept.element);
  kept = null;
}

export function loadAhead(video: Video): void {
  const url = video.play_url;
  if (!url || kept?.url === url) return;
  forget();
  const element = make(url);
  const seconds = (beginOf(video) - Date.parse(video.starts_at ?? video.from_at)) / 1000;
  element.addEventListener("loadedmetadata", () => {
    if (element.currentTime === 0 && seconds > 0) element.currentTime = seconds;
  });
  kept = { url, element };
}

// The element for a clip: the one that is ready, or a new one.
export function take(url: string): HTMLVideoElement {
  if (kept?.url !== url) return make(url);
  const { element } = kept;
  kept = null;
  return element;
}
