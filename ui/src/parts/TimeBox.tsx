// The box for a day and a time of the store. It follows the clock until somebody types.
import { useEffect, useId, useRef, useState } from "react";
import { readTime, type Wanted, writeTime } from "../lib/localtime";
import { addDays, clock as clockText, day } from "../lib/time";
import type { Wall } from "../lib/wall";
import { useClock } from "./useWall";

type Props = { wall: Wall; zone: string; go: (at: number) => void; newest: () => number };

export function TimeBox({ wall, zone, go, newest }: Props) {
  const second = useClock(wall.clock, (each) => Math.floor(each.now / 1000));
  const [typed, setTyped] = useState<string | null>(null);
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const id = useId();
  // What was said holds for what was typed.
  useEffect(() => {
    if (typed === null) setWanted(null);
  }, [typed]);

  const take = (at: number) => {
    setTyped(null);
    setWanted(null);
    go(at);
    box.current?.blur();
  };
  const submit = (text: string) => {
    const read = readTime(text, zone, wall.clock.now, newest());
    if (read.kind === "at") take(read.at);
    else setWanted(read);
  };
  const otherDay = (by: 1 | -1) => {
    const at = new Date(wall.clock.now);
    const text = `${addDays(day(at, zone), by)} ${clockText(at, zone)}`;
    const read = readTime(text, zone, wall.clock.now, newest());
    if (read.kind === "at") take(read.at);
    else {
      setTyped(text);
      setWanted(read);
    }
  };
  const wrong = wanted !== null;
  return (
    <form
      className="time-box"
      onSubmit={(event) => {
        event.preventDefault();
        submit(typed ?? writeTime(wall.clock.now, zone));
      }}
    >
      <div className="line">
        <button
          type="button"
          className="icon"
          aria-label="Same time, day before"
          title="Day before"
          onClick={() => otherDay(-1)}
        >
          ‹
        </button>
        <label htmlFor={id} className="hidden">
          Day and time in the store
        </label>
        <input
          id={id}
          ref={box}
          className="time-of-store"
          value={typed ?? writeTime(second * 1000, zone)}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="none"
          aria-invalid={wrong}
          aria-describedby={`${id}-said`}
          title="Day and time in the store (t): 14:03, yesterday 14:03:22, 2026-11-26 14:03:22"
          onFocus={(event) => event.currentTarget.select()}
          onChange={(event) => {
            setTyped(event.target.value);
            setWanted(null);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            setTyped(null);
            setWanted(null);
            event.currentTarget.blur();
          }}
        />
        <button
          type="button"
          className="icon"
          aria-label="Same time, day after"
          title="Day after"
          onClick={() => otherDay(1)}
        >
          ›
        </button>
        <button type="submit" className="button">
          Go
        </button>
      </div>
      <div className="time-said" id={`${id}-said`} role="status">
        {wanted && wanted.kind !== "at" && (
          <>
            <p>{wanted.message}</p>
            {"choices" in wanted &&
              wanted.choices.map((each) => (
                <button type="button" className="button small" key={each.at} onClick={() => take(each.at)}>
                  {each.text}
                </button>
              ))}
          </>
        )}
      </div>
    </form>
  );
}
