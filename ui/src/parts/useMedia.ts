// Whether the window is as a media query says, as it changes.
import { useSyncExternalStore } from "react";

export const PHONE = "(max-width: 760px)";
// Where receipt and video stand side by side.
export const TWO_COLUMNS = "(min-width: 901px)";

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => window.matchMedia(query).matches,
  );
}
