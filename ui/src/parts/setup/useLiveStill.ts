// What a camera shows now: a still after another, as long as somebody looks.
import { useEffect, useRef, useState } from "react";
import { queryString } from "../../api/http";

export type LiveStill = { url: string | null; takenAt: string | null; problem: string | null };

// What the server's clock is ahead of the browser's, by the date of its answers.
let ahead = 0;

const EACH_MS = 2_000;
const AFTER_FAILURE_MS = 5_000;

export function useLiveStill(store: string, camera: string, paused: boolean): LiveStill {
  const [still, setStill] = useState<LiveStill>({ url: null, takenAt: null, problem: null });
  const kept = useRef<string | null>(null);
  useEffect(
    () => () => {
      if (kept.current) URL.revokeObjectURL(kept.current);
    },
    [],
  );
  useEffect(() => {
    if (paused) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (again = true): Promise<Response> => {
      const at = new Date(Date.now() + ahead).toISOString();
      const path = `/api/v1/stills/${encodeURIComponent(camera)}.jpg${queryString({ at, store })}`;
      const response = await fetch(path, { credentials: "same-origin", signal: stop.signal, cache: "no-store" });
      const said = Date.parse(response.headers.get("date") ?? "");
      // Dates have whole seconds: what is smaller is no difference.
      const off = said - (Date.now() + ahead);
      if (Number.isNaN(off) || Math.abs(off) < 2_000) return response;
      ahead += off;
      return response.ok || !again ? response : ask(false);
    };
    const next = async () => {
      let wait = EACH_MS;
      if (!document.hidden) {
        try {
          const response = await ask();
          if (!response.ok) throw new Error(await reason(response));
          const url = URL.createObjectURL(await response.blob());
          if (stop.signal.aborted) return URL.revokeObjectURL(url);
          // The one before is on the screen until the next is drawn.
          const old = kept.current;
          kept.current = url;
          if (old) setTimeout(() => URL.revokeObjectURL(old), 1000);
          setStill({ url, takenAt: response.headers.get("tillsight-taken-at"), problem: null });
        } catch (error) {
          if (stop.signal.aborted) return;
          const problem = error instanceof Error ? error.message : String(error);
          setStill((last) => ({ ...last, problem }));
          wait = AFTER_FAILURE_MS;
        }
      }
      timer = setTimeout(() => void next(), wait);
    };
    void next();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [store, camera, paused]);
  return still;
}

async function reason(response: Response): Promise<string> {
  try {
    const { detail, title } = (await response.json()) as { detail?: string; title?: string };
    return detail ?? title ?? `error ${response.status}`;
  } catch {
    return `error ${response.status}`;
  }
}
