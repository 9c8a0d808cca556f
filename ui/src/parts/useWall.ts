// What of the common clock and of a camera's reel a part of the page shows; drawn anew only when that has changed.
import { useSyncExternalStore } from "react";
import type { Clock } from "../lib/clock";
import type { Reel } from "../lib/reel";
import type { Wall } from "../lib/wall";

type Plain = string | number | boolean | null;

export function useClock<T extends Plain>(clock: Clock, select: (clock: Clock) => T): T {
  return useSyncExternalStore(clock.subscribe, () => select(clock));
}

export function useWall<T extends Plain>(wall: Wall, select: (wall: Wall) => T): T {
  return useSyncExternalStore(wall.subscribe, () => select(wall));
}

export function useReel<T>(reel: Reel, select: (reel: Reel) => T): T {
  return useSyncExternalStore(reel.subscribe, () => select(reel));
}
