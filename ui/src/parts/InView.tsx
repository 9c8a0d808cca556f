// What the timeline shows, as text: gaps with their reasons, alerts and receipts, each a way to its instant.
import type { Scale } from "../lib/scale";
import { dayWords, duration, time } from "../lib/time";
import { holes } from "../lib/watch";
import { gapWords } from "../lib/words";
import { type Mark, type Marked, MarkLine } from "./Marks";
import type { CameraLane } from "./Timeline";

type Props = {
  loading: boolean;
  lanes: CameraLane[];
  marked: Marked;
  view: Scale;
  zone: string;
  go: (at: number) => void;
};

const MOST = 100;

export function InView({ loading, lanes, marked, view, zone, go }: Props) {
  const seen = (start: number, end: number) => end > view.from && start < view.to;
  const gaps = lanes.flatMap((lane) =>
    holes(lane.kept)
      .filter((each) => seen(each.start, each.end))
      .map((each) => ({ ...each, camera: lane.id, name: lane.name })),
  );
  const inside = (each: Mark) => each.at >= view.from && each.at <= view.to;
  const alerts = marked.alerts.filter(inside);
  const receipts = marked.receipts.filter(inside);
  const long = view.to - view.from > 12 * 3_600_000;
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  return (
    <section className="in-view" aria-label="In this part of the timeline">
      <details>
        <summary>{loading ? "Gaps: loading" : `${count(gaps.length, "gap")} in view`}</summary>
        <ul className="plain">
          {gaps.slice(0, MOST).map((each) => (
            <li key={`${each.camera} ${each.start}`}>
              <button
                type="button"
                className="button small"
                onClick={() => go(each.start - 2_000)}
                title="Go to the seconds before"
              >
                {long && `${dayWords(new Date(each.start), zone)}, `}
                {time(new Date(each.start), zone)}
              </button>{" "}
              {each.name}: {each.end - each.start < 1000 ? "under 1 s" : duration((each.end - each.start) / 1000)},{" "}
              {gapWords(each.reason)}
            </li>
          ))}
          {gaps.length === 0 && !loading && <li className="quiet">Everything that was to be recorded is.</li>}
        </ul>
      </details>
      <details>
        <summary>
          {count(alerts.length, "alert")}
          {marked.buckets.length > 0 ? "" : ` and ${count(receipts.length, "receipt")}`} in view
        </summary>
        <ul className="plain">
          {[...alerts, ...receipts]
            .sort((one, other) => one.at - other.at)
            .slice(0, MOST)
            .map((each) => (
              <MarkLine key={`${each.hit.kind} ${each.hit.id}`} mark={each} zone={zone} go={go} />
            ))}
          {alerts.length + receipts.length > MOST && (
            <li className="quiet">The first {MOST}; a closer timeline (+) has fewer.</li>
          )}
          {marked.buckets.length > 0 && (
            <li className="quiet">Too many receipts for a list; a closer timeline (+) has them.</li>
          )}
          {alerts.length + receipts.length === 0 && marked.buckets.length === 0 && (
            <li className="quiet">No alert and no receipt.</li>
          )}
        </ul>
      </details>
    </section>
  );
}
