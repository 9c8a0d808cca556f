// Work that takes a while and can be stopped: what came of it, and for how long it goes on.
import { useEffect, useRef, useState } from "react";

export type Work<In, Out> = {
  start: (input: In) => void;
  stop: () => void;
  reset: () => void;
  busy: boolean;
  seconds: number;
  data: Out | undefined;
  error: unknown;
};

export function useWork<In, Out>(act: (input: In, signal: AbortSignal) => Promise<Out>): Work<In, Out> {
  const [state, setState] = useState<{ busy: boolean; data?: Out; error?: unknown }>({ busy: false });
  const [seconds, setSeconds] = useState(0);
  const running = useRef<AbortController | null>(null);
  const { busy } = state;
  useEffect(() => {
    if (!busy) return;
    const began = Date.now();
    setSeconds(0);
    const timer = setInterval(() => setSeconds(Math.round((Date.now() - began) / 1000)), 500);
    return () => clearInterval(timer);
  }, [busy]);
  useEffect(() => () => running.current?.abort(), []);
  return {
    ...state,
    data: state.data,
    error: state.error,
    seconds,
    start: (input) => {
      running.current?.abort();
      const mine = new AbortController();
      running.current = mine;
      setState({ busy: true });
      act(input, mine.signal).then(
        (data) => running.current === mine && setState({ busy: false, data }),
        (error: unknown) => running.current === mine && setState({ busy: false, error }),
      );
    },
    stop: () => {
      running.current?.abort();
      running.current = null;
      setState({ busy: false });
    },
    reset: () => setState({ busy: false }),
  };
}
