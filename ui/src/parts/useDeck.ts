// A part of the page that follows the video, and is drawn anew only when what it shows has changed.
import { useSyncExternalStore } from "react";
import type { Deck } from "../lib/deck";

export function useDeck<T extends string | number | boolean | null>(deck: Deck, select: (deck: Deck) => T): T {
  return useSyncExternalStore(deck.subscribe, () => select(deck));
}
