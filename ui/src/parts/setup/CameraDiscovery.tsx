// Asks the network which cameras there are (ONVIF, WS-Discovery).
import { useState } from "react";
import { discover } from "../../api/setup";
import { Chip } from "../bits";
import { Dialog } from "./Dialog";
import { Refused, SelectField, Working } from "./Field";
import { useWork } from "./useWork";

type Props = { close: () => void; add: (address: string) => void };

export function CameraDiscovery({ close, add }: Props) {
  const [seconds, setSeconds] = useState("5");
  const work = useWork((wait: number, signal: AbortSignal) => discover(wait, signal));
  const found = work.data?.items ?? [];
  const fresh = found.filter((each) => !each.known).length;
  return (
    <Dialog
      title="Find cameras on the network"
      close={close}
      wide
      submit={{
        name: work.data ? "Search again" : "Search",
        act: () => work.start(Number(seconds)),
        busy: work.busy,
      }}
    >
      <p className="quiet">
        Cameras that speak ONVIF answer a call on this server's own network. One that is behind a router, or has ONVIF
        switched off, does not: add it by its address.
      </p>
      <div className="fields">
        <SelectField
          label="Wait for answers"
          value={seconds}
          change={setSeconds}
          disabled={work.busy}
          options={[
            ["2", "2 seconds"],
            ["5", "5 seconds"],
            ["10", "10 seconds"],
          ]}
        />
      </div>
      {work.busy && <Working what="Calling, and listening for answers" seconds={work.seconds} of={Number(seconds)} />}
      <Refused error={work.error} />
      {work.data?.note && <p className="warn">{work.data.note}</p>}
      {work.data && (
        <p role="status">
          {found.length === 0 ? (
            <>
              <b>No camera answered.</b> Look whether they are on the same network and have ONVIF switched on.
            </>
          ) : (
            <>
              <b>
                {found.length} {found.length === 1 ? "device" : "devices"}
              </b>
              , {fresh} not known yet.
            </>
          )}
        </p>
      )}
      {found.length > 0 && (
        <ul className="found-devices">
          {found.map((each) => (
            <li key={each.xaddr} className="card">
              <div>
                <b>{each.name ?? each.address}</b> {each.hardware && <small className="quiet">{each.hardware}</small>}
                <p>
                  <code>{each.address}</code> {each.known && <Chip>Known</Chip>}
                </p>
              </div>
              {!each.known && (
                <button
                  type="button"
                  className="button small"
                  aria-label={`Add ${each.name ?? "device"} at ${each.address}`}
                  onClick={() => add(each.xaddr)}
                >
                  Add…
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
