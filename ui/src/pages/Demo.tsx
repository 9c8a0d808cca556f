// The demo's panel: ring something, unplug a camera, shift the till's clock, and see what is expected and what is found.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { send } from "../api/http";
import { client, demoQuery } from "../api/queries";
import type { Demo, DemoCase } from "../api/types";
import { PRESENCE, words } from "../lib/words";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

const RING: [string, string][] = [
  ["sale", "Sale"],
  ["refund", "Refund"],
  ["no_sale", "No sale"],
  ["cancel", "Cancel"],
];

export default function DemoPage() {
  const query = useQuery({ ...demoQuery, refetchInterval: 3000 });
  const act = useMutation({
    mutationFn: ({ path, body }: { path: string; body: unknown; said: string }) =>
      send<unknown>("POST", `/api/v1/demo/${path}`, body),
    onSettled: () => client.invalidateQueries({ queryKey: demoQuery.queryKey }),
  });
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (query.isPending) return <Skeleton rows={4} height={80} label="Loading the demo" />;
  if (!query.data) {
    return (
      <Empty title="This server is not a demo">
        <p>
          Type <code>make demo</code> to start one.
        </p>
      </Empty>
    );
  }
  const demo = query.data;
  const ahead = demo.till.clock_ahead_seconds;
  return (
    <div className="demo">
      <header className="bar-of-page">
        <h1>Demo</h1>
      </header>
      <p className="quiet">
        What you do here happens in the simulated shop: the till and the cameras are other processes, and the system
        learns of it only through Kafka and RTSP.
      </p>
      <div className="panel">
        <section className="card" aria-labelledby="ring-title">
          <h2 id="ring-title">Ring at register {demo.till.register_id}</h2>
          <div className="choices">
            {RING.map(([what, name]) => (
              <button
                type="button"
                key={what}
                className="button"
                disabled={act.isPending}
                onClick={() => act.mutate({ path: "ring", body: { what }, said: `${name} rung` })}
              >
                {name}
              </button>
            ))}
          </div>
        </section>
        <section className="card" aria-labelledby="plug-title">
          <h2 id="plug-title">Cameras</h2>
          <ul className="plain">
            {demo.cameras.map((each) => (
              <li key={each.id} className="line">
                <span>
                  <b>{each.id}</b> {each.plugged ? "plugged in" : "unplugged"}
                  {each.zone_now && <small> · zone: {PRESENCE[each.zone_now].toLowerCase()}</small>}
                </span>
                <span className="fill" />
                <button
                  type="button"
                  className="button small"
                  disabled={act.isPending}
                  onClick={() =>
                    act.mutate({
                      path: "camera",
                      body: { id: each.id, plugged: !each.plugged },
                      said: `${each.id} ${each.plugged ? "unplugged" : "plugged in"}`,
                    })
                  }
                >
                  {each.plugged ? "Unplug" : "Plug in"}
                </button>
              </li>
            ))}
          </ul>
        </section>
        <section className="card" aria-labelledby="clock-title">
          <h2 id="clock-title">Clock of the till</h2>
          <p>{ahead === 0 ? "In step with the recorder" : `${Math.abs(ahead)} s ${ahead > 0 ? "ahead" : "behind"}`}</p>
          <div className="choices">
            {[-40, 0, 40].map((seconds) => (
              <button
                type="button"
                key={seconds}
                className="button"
                aria-pressed={ahead === seconds}
                disabled={act.isPending}
                onClick={() =>
                  act.mutate({ path: "clock", body: { ahead_seconds: seconds }, said: `Clock set to ${seconds} s` })
                }
              >
                {seconds === 0 ? "Right" : `${seconds > 0 ? "+" : "−"}${Math.abs(seconds)} s`}
              </button>
            ))}
          </div>
        </section>
      </div>
      <p role="status" className="said">
        {act.isSuccess && `${act.variables.said}.`}
      </p>
      {act.isError && <Failed error={act.error} />}
      <Expected demo={demo} />
    </div>
  );
}

const STATE: Record<DemoCase["state"], [string, string]> = {
  waiting: ["Waiting", ""],
  found: ["Found", "good"],
  missed: ["Missed", "bad"],
  silent_as_expected: ["Silent, as expected", "good"],
  false_alarm: ["False alarm", "bad"],
};

function Expected({ demo }: { demo: Demo }) {
  const { stores } = useStores();
  const zone = stores.find((store) => store.registers.some((each) => each.id === demo.till.register_id))?.tz ?? "UTC";
  const count = (state: DemoCase["state"]) => demo.expected.filter((each) => each.state === state).length;
  return (
    <section className="card" aria-labelledby="expected-title">
      <h2 id="expected-title">Expected and found</h2>
      <p className="quiet">
        {count("found")} found, {count("silent_as_expected")} silent as expected, {count("missed")} missed,{" "}
        {count("false_alarm")} false, {count("waiting")} waiting. The simulator knows the truth; the system does not
        read it.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on a phone, so that it must be reached by keyboard */}
      <div className="table" tabIndex={0} role="group" aria-label="Expected and found, a table that scrolls sideways">
        <table>
          <thead>
            <tr>
              <th scope="col">True time</th>
              <th scope="col">What happened</th>
              <th scope="col">Register</th>
              <th scope="col">Expected</th>
              <th scope="col">Result</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {demo.expected.map((each) => (
              <tr key={`${each.scenario} ${each.case} ${each.true_time}`}>
                <td>
                  <StoreTime at={each.true_time} zone={zone} />
                </td>
                <td>
                  {words(each.scenario)} <small>{words(each.case)}</small>
                </td>
                <td>{each.register_id}</td>
                <td>{each.expected_rule ? words(each.expected_rule) : "no alert"}</td>
                <td>
                  <Chip tone={STATE[each.state][1]}>{STATE[each.state][0]}</Chip>
                  {each.alert_id && (
                    <>
                      {" "}
                      <Link to="/alerts/$alertId" params={{ alertId: each.alert_id }} search={{ state: "all" }}>
                        Open
                      </Link>
                    </>
                  )}
                </td>
                <td>{each.why}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
