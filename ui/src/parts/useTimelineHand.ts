// The hand on a timeline: wheel and two fingers make it closer or wider, a drag on the hours moves it, a drag on the
// lanes goes to that instant.
import { type PointerEvent, type RefObject, useEffect, useRef } from "react";
import type { Scale } from "../lib/scale";
import { pan, zoom } from "../lib/watch";

type Hand = {
  track: RefObject<HTMLDivElement | null>;
  view: Scale;
  most: number;
  setView: (view: Scale) => void;
  // Going to an instant: while the finger is down, and when it is lifted.
  // Null: it was not meant.
  seek: (at: number | null, done: boolean) => void;
  hover: (at: number | null, row: number) => void;
};

const RULER = 18;

export function useTimelineHand(hand: Hand) {
  const now = useRef(hand);
  now.current = hand;
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const mode = useRef<"seek" | "pan" | "pinch" | null>(null);
  const last = useRef({ x: 0, apart: 0, at: 0 });

  const instantAt = (x: number): number => {
    const box = now.current.track.current?.getBoundingClientRect();
    const { view } = now.current;
    if (!box || box.width === 0) return view.from;
    return view.from + Math.min(1, Math.max(0, (x - box.left) / box.width)) * (view.to - view.from);
  };
  const perPixel = (): number => {
    const { view, track } = now.current;
    return (view.to - view.from) / Math.max(1, track.current?.clientWidth ?? 1);
  };

  // React's own wheel events cannot keep the page from scrolling.
  // biome-ignore lint/correctness/useExhaustiveDependencies: everything it uses is read from what is newest
  useEffect(() => {
    const element = hand.track.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { view, most, setView } = now.current;
      const scale = event.deltaMode === 1 ? 24 : 1;
      const [x, y] = [event.deltaX * scale, event.deltaY * scale];
      if (event.shiftKey || Math.abs(x) > Math.abs(y))
        setView(pan(view, (Math.abs(x) > Math.abs(y) ? x : y) * perPixel()));
      else setView(zoom(view, Math.exp(y * (event.ctrlKey ? 0.01 : 0.002)), instantAt(event.clientX), most));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [hand.track.current]);

  const spread = (): { x: number; apart: number } => {
    const [one, other] = [...fingers.current.values()];
    if (!one || !other) return { x: one?.x ?? 0, apart: 1 };
    return { x: (one.x + other.x) / 2, apart: Math.max(20, Math.hypot(one.x - other.x, one.y - other.y)) };
  };

  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (fingers.current.size === 2) {
        if (mode.current === "seek") now.current.seek(null, true);
        mode.current = "pinch";
        const { x, apart } = spread();
        last.current = { x, apart, at: instantAt(x) };
        return;
      }
      const box = event.currentTarget.getBoundingClientRect();
      mode.current = event.clientY - box.top < RULER ? "pan" : "seek";
      last.current.x = event.clientX;
      if (mode.current === "seek") now.current.seek(instantAt(event.clientX), false);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const box = event.currentTarget.getBoundingClientRect();
      const known = fingers.current.get(event.pointerId);
      if (known) fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      const { view, setView, seek, hover, most } = now.current;
      if (mode.current === "pinch") {
        if (!known) return;
        const { x, apart } = spread();
        const moved = pan(view, (last.current.x - x) * perPixel());
        setView(zoom(moved, last.current.apart / apart, instantAt(x), most));
        last.current = { ...last.current, x, apart };
        return;
      }
      if (mode.current === "pan") {
        setView(pan(view, (last.current.x - event.clientX) * perPixel()));
        last.current.x = event.clientX;
        return;
      }
      if (mode.current === "seek") seek(instantAt(event.clientX), false);
      hover(instantAt(event.clientX), event.clientY - box.top);
    },
    onPointerUp: (event: PointerEvent<HTMLElement>) => {
      if (mode.current === "seek") now.current.seek(instantAt(event.clientX), true);
      fingers.current.delete(event.pointerId);
      if (event.pointerType !== "mouse") now.current.hover(null, 0);
      // The finger that is left after a pinch does nothing until it is lifted too.
      if (fingers.current.size === 0) mode.current = null;
    },
    onPointerCancel: (event: PointerEvent<HTMLElement>) => {
      fingers.current.delete(event.pointerId);
      if (mode.current === "seek") now.current.seek(null, true);
      mode.current = null;
      now.current.hover(null, 0);
    },
    onPointerLeave: () => now.current.hover(null, 0),
  };
}
