// Cameras and coverage: what could be seen, when, and which rules could judge.
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { camerasQuery, coverageQuery } from "../api/queries";
import type { Camera, Coverage } from "../api/types";
import { type Scale, scale } from "../lib/scale";
import { clockNotes, clockWords } from "../lib/tillclock";
import { dayRange, duration, zoneName } from "../lib/time";
import { whyWords } from "../lib/why";
import { gapWords, presenceWords, words } from "../lib/words";
import { Chip, StoreTime } from "../parts/bits";
import { CoverageTabs } from "../parts/CoverageTabs";
import { DayPicker, useDayOfStore } from "../parts/DayPicker";
import { AxisHours, Lane, type Span } from "../parts/Lane";
import { NoCamera } from "../parts/NoCamera";
import { NoStore } from "../parts/NoStore";
import { NotBegun } from "../parts/NotBegun";
import { Swatch } from "../parts/Patterns";
import { Empty, Failed, Skeleton } from "../parts/states";
import { ToInstant } from "../parts/ToInstant";
import { useRuleNames } from "../parts/useRuleNames";

export default function CoveragePage() {
  const search = useSearch({ from: "/cameras" });
  const { store, none, day, today } = useDayOfStore(search, 0);
  const range = useMemo(() => (store ? dayRange(day, store.tz) : null), [store, day]);
  const from = range?.from.toISOString() ?? "";
  const to = range?.to.toISOString() ?? "";
  const cameras = useQuery(camerasQuery);
  // A day that has not begun has no coverage.
  const ahead = day > today;
  const query = useQuery(coverageQuery(ahead ? "" : (store?.id ?? ""), from, to));
  const mine = (cameras.data ?? []).filter((each) => each.store_id === store?.id);
  const zone = store?.tz ?? "UTC";
  if (none) {
    return (
      <div className="coverage">
        <header className="bar-of-page">
          <h1>Cameras and coverage</h1>
          <CoverageTabs here="cameras" />
        </header>
        <NoStore asked={search.store} to="/cameras" />
      </div>
    );
  }
  return (
    <div className="coverage">
      <header className="bar-of-page">
        <h1>
          Cameras and coverage <small>{store?.name}</small>
        </h1>
        <CoverageTabs here="cameras" />
        <DayPicker to="/cameras" store={store} day={day} today={today} />
      </header>
      <section aria-labelledby="now-title">
        <h2 id="now-title">Now</h2>
        {cameras.isError ? (
          <Failed error={cameras.error} retry={() => cameras.refetch()} />
        ) : cameras.isPending ? (
          <Skeleton rows={1} height={88} label="Loading cameras" />
        ) : mine.length === 0 ? (
          <Empty title="This store has no cameras">
            <NoCamera />
          </Empty>
        ) : (
          <ul className="tiles">
            {mine.map((each) => (
              <CameraTile key={each.id} camera={each} zone={zone} />
            ))}
          </ul>
        )}
      </section>
      {store && ahead ? (
        <NotBegun to="/cameras" store={store} day={day} today={today} />
      ) : query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.data && range ? (
        <Day coverage={query.data} cameras={mine} zone={zone} axis={scale(range.from, range.to)} />
      ) : (
        <Skeleton rows={5} height={40} label="Loading coverage" />
      )}
    </div>
  );
}

const STATE = { live: "Live", lost: "Lost", unknown: "Not known" } as const;
const SIGN = { live: "●", lost: "✕", unknown: "?" } as const;

function CameraTile({ camera, zone }: { camera: Camera; zone: string }) {
  return (
    <li className={`card camera ${camera.state}`}>
      <h3>
        {camera.name} <small>{camera.id}</small>
      </h3>
      <p className={`state-now ${camera.state}`}>
        <span aria-hidden="true">{SIGN[camera.state]}</span> {STATE[camera.state]}
        {camera.since && (
          <>
            {" since "}
            <StoreTime at={camera.since} zone={zone} form="brief" />
          </>
        )}
      </p>
      <p className="quiet">
        {camera.last_frame_at && camera.state !== "live" && (
          <>
            Last frame <StoreTime at={camera.last_frame_at} zone={zone} form="brief" />.{" "}
          </>
        )}
        {camera.recorded_from ? (
          <>
            Recorded from <StoreTime at={camera.recorded_from} zone={zone} form="brief" />.
          </>
        ) : (
          "Nothing is recorded yet."
        )}
      </p>
      <p className="meta">
        <Chip tone={camera.analysed ? "" : "warn"}>{camera.analysed ? "Analysed" : "Not analysed"}</Chip>
        {camera.zones.map((each) => (
          <Chip key={each.id}>
            {words(each.kind)}
            {each.register ? `, register ${each.register}` : ""}
          </Chip>
        ))}
      </p>
      {camera.recorded_from && (
        <p className="meta">
          <Link to="/watch" search={{ store: camera.store_id, cameras: camera.id }}>
            Watch {camera.name}
          </Link>
        </p>
      )}
    </li>
  );
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

function Day({ coverage, cameras, zone, axis }: { coverage: Coverage; cameras: Camera[]; zone: string; axis: Scale }) {
  return (
    <>
      {coverage.problems.map((problem) => (
        <p key={problem} className="problems" role="status">
          {problem}
        </p>
      ))}
      <section aria-labelledby="day-title" className="card day">
        <h2 id="day-title">The day</h2>
        <p className="legend">
          <span>
            <Swatch fill="recorded" /> recorded
          </span>
          <span>
            <Swatch fill="gap" /> not recorded
          </span>
          <span>
            <Swatch fill="present" /> somebody
          </span>
          <span>
            <Swatch fill="absent" /> nobody
          </span>
          <span>
            <Swatch fill="unknown" /> cannot be told
          </span>
        </p>
        <Hours axis={axis} zone={zone} />
        {coverage.cameras.length === 0 && <p className="quiet">Nothing was scheduled that day.</p>}
        {coverage.cameras.map((each) => (
          <CameraDay
            key={each.camera_id}
            store={coverage.store_id}
            of={each}
            cameras={cameras}
            axis={axis}
            zone={zone}
          />
        ))}
      </section>
      <Registers coverage={coverage} zone={zone} />
      <Rules coverage={coverage} />
    </>
  );
}

function Hours({ axis, zone }: { axis: Scale; zone: string }) {
  return (
    <div className="lane hours" aria-hidden="true">
      <span className="name">{zoneName(new Date(axis.from), zone)}</span>
      <AxisHours axis={axis} zone={zone} />
      <span className="sum" />
    </div>
  );
}

type OfCamera = Coverage["cameras"][number];

type CameraDayProps = { store: string; of: OfCamera; cameras: Camera[]; axis: Scale; zone: string };

function CameraDay({ store, of, cameras, axis, zone }: CameraDayProps) {
  const recording = useMemo<Span[]>(
    () =>
      of.spans.map((each) => ({
        start: Date.parse(each.start_at),
        end: Date.parse(each.end_at),
        fill: each.kind,
        text: each.kind === "recorded" ? "Recorded" : `Not recorded: ${gapWords(each.reason)}`,
      })),
    [of.spans],
  );
  const zones = useMemo(
    () =>
      of.presence.map((lane) => ({
        ...lane,
        lane: lane.spans.map<Span>((each) => ({
          start: Date.parse(each.start_at),
          end: Date.parse(each.end_at),
          fill: each.state,
          text: presenceWords(each.state, each.blind),
        })),
      })),
    [of.presence],
  );
  const gaps = of.spans.filter((each) => each.kind === "gap");
  const kinds = new Map(cameras.flatMap((camera) => camera.zones.map((each) => [each.id, words(each.kind)] as const)));
  return (
    <div className="of-camera">
      <h3>{of.name}</h3>
      <div className="lane">
        <span className="name">Video</span>
        <ToInstant {...{ store, axis, zone }} camera={of.camera_id} name={of.name} recording={recording}>
          <Lane axis={axis} spans={recording} name={`Video of ${of.name}`} height={20} />
        </ToInstant>
        <span className="sum">{share(of.recorded_seconds, of.scheduled_seconds)}</span>
      </div>
      {zones.map((each) => (
        <div className="lane" key={each.zone_id}>
          <span className="name" title={each.zone_id}>
            {kinds.get(each.zone_id) ?? each.zone_id}
          </span>
          <ToInstant {...{ store, axis, zone }} camera={of.camera_id} name={of.name}>
            <Lane axis={axis} spans={each.lane} name={`Zone ${each.zone_id}`} height={20} />
          </ToInstant>
          <span className="sum" title="How much of the looked-at time could be told">
            {share(
              each.present_seconds + each.absent_seconds,
              each.present_seconds + each.absent_seconds + each.unknown_seconds,
            )}
          </span>
        </div>
      ))}
      {gaps.length > 0 && (
        <details>
          <summary>
            {gaps.length} {gaps.length === 1 ? "gap" : "gaps"}, {duration(of.gap_seconds)} together
          </summary>
          <ul className="plain">
            {gaps.slice(0, 100).map((gap) => (
              <li key={gap.start_at}>
                <Link
                  to="/watch"
                  search={{ store, cameras: of.camera_id, at: before(gap.start_at), zoom: "600" }}
                  title="Watch the seconds before"
                >
                  <StoreTime at={gap.start_at} zone={zone} />
                </Link>{" "}
                to <StoreTime at={gap.end_at} zone={zone} />: {gapWords(gap.reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

// Some seconds before an instant.
function before(at: string): string {
  return new Date(Date.parse(at) - 5_000).toISOString();
}

function Registers({ coverage, zone }: { coverage: Coverage; zone: string }) {
  return (
    <section className="card" aria-labelledby="registers-title">
      <h2 id="registers-title">Registers</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on a phone, so that it must be reached by keyboard */}
      <div className="table" tabIndex={0} role="group" aria-label="Registers, a table that scrolls sideways">
        <table>
          <thead>
            <tr>
              <th scope="col">Register</th>
              <th scope="col">Last record</th>
              <th scope="col" className="number">
                Transactions
              </th>
              <th scope="col" className="number">
                Delay (95 % below)
              </th>
              <th scope="col">Clock</th>
            </tr>
          </thead>
          <tbody>
            {coverage.registers.map((each) => (
              <tr key={each.register_id}>
                <th scope="row">{each.register_id}</th>
                <td>{each.last_event_at ? <StoreTime at={each.last_event_at} zone={zone} form="brief" /> : "none"}</td>
                <td className="number">{each.transactions.toLocaleString("en-US")}</td>
                <td className="number">
                  {each.lag_ms_p95 === null ? "–" : `${(each.lag_ms_p95 / 1000).toFixed(1)} s`}
                </td>
                <td className={each.clock && each.clock.method !== "unsynchronised" ? "" : "warn"}>
                  {clockWords(each.clock)}
                  {each.clock && (
                    <small className="below">
                      {clockNotes(each.clock) && `${clockNotes(each.clock)}; `}
                      since <StoreTime at={each.clock.valid_from} zone={zone} form="brief" />
                    </small>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {coverage.quarantined > 0 && (
        <p className="warn">
          {coverage.quarantined === 1
            ? "1 record could not be read and was set aside with its reason."
            : `${coverage.quarantined} records could not be read and were set aside with their reasons.`}
        </p>
      )}
    </section>
  );
}

function Rules({ coverage }: { coverage: Coverage }) {
  const named = useRuleNames();
  return (
    <section className="card" aria-labelledby="rules-title">
      <h2 id="rules-title">Rules</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on a phone, so that it must be reached by keyboard */}
      <div className="table" tabIndex={0} role="group" aria-label="Rules, a table that scrolls sideways">
        <table>
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col">State</th>
              <th scope="col" className="number">
                Fired
              </th>
              <th scope="col" className="number">
                Silent
              </th>
              <th scope="col" className="number">
                Could not see
              </th>
            </tr>
          </thead>
          <tbody>
            {coverage.rules.map((each) => (
              <tr key={each.rule_id}>
                <th scope="row">
                  <Link to="/rules/$ruleId" params={{ ruleId: each.rule_id }}>
                    {named(each.rule_id)}
                  </Link>
                </th>
                <td>
                  <Chip tone={`rule-${each.state}`}>{words(each.state)}</Chip>{" "}
                  {each.why && <small>{whyWords(each.why)}</small>}
                </td>
                <td className="number">
                  {each.fired > 0 ? (
                    <Link
                      to="/alerts"
                      search={{ state: "all", sent: "all", store: coverage.store_id, rule: each.rule_id }}
                    >
                      {each.fired}
                    </Link>
                  ) : (
                    0
                  )}
                </td>
                <td className="number">{each.silent}</td>
                <td className="number">{each.indeterminate}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
