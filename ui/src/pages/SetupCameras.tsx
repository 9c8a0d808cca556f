// Cameras, as the installer needs them: what there is, how it is, and everything that can be done about it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { removeCamera, type SetCamera, setCamerasQuery } from "../api/setup";
import { clockDifference, streamAdvice, streamWords } from "../lib/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { CameraDiscovery } from "../parts/setup/CameraDiscovery";
import { CameraImport } from "../parts/setup/CameraImport";
import { CameraSheet } from "../parts/setup/CameraSheet";
import { Dialog } from "../parts/setup/Dialog";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import { Remove } from "../parts/setup/Remove";
import type { Column } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

export default function SetupCameras() {
  const { search, open, close } = useTask();
  const query = useQuery(setCamerasQuery());
  const { store: storeOf, stores } = useStores();
  const all = query.data ?? [];
  const shown = all.filter(
    (each) => (!search.store || each.store_id === search.store) && fits(search.q, each.camera_id, each.name, each.url),
  );
  const down = shown.filter((each) => each.status.connected === false).length;
  const columns: Column<SetCamera>[] = [
    {
      name: "Camera",
      cell: (each) => (
        <>
          {each.name ?? each.camera_id} {each.name && <small>{each.camera_id}</small>}
          {stores.length > 1 && <small className="below">{storeOf(each.store_id)?.name ?? each.store_id}</small>}
        </>
      ),
    },
    { name: "Now", cell: (each) => <Status camera={each} zone={storeOf(each.store_id)?.tz ?? "UTC"} /> },
    {
      name: "Streams",
      className: "streams",
      cell: (each) => (
        <>
          <StreamLine camera={each} which="main" />
          {each.sub_url && <StreamLine camera={each} which="sub" />}
        </>
      ),
    },
    {
      name: "Clock",
      cell: (each) => {
        const clock = clockDifference(each.clock_offset_us);
        return <span className={clock.off ? "warn" : ""}>{clock.text}</span>;
      },
    },
    {
      name: "Registers",
      cell: (each) =>
        each.registers.length ? (
          <span className="meta">
            {each.registers.map((register) => (
              <Chip key={register}>{register}</Chip>
            ))}
          </span>
        ) : (
          <span className="quiet">none</span>
        ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => {
        const name = each.name ?? each.camera_id;
        const act = (what: string) => () => open(what, each.camera_id, each.store_id);
        return (
          <Acts
            of={name}
            acts={[
              ["Edit", act("edit")],
              ["History", act("history")],
              ["Remove", act("remove")],
            ]}
          >
            <Link
              className="button small"
              to="/setup/cameras/$store/$camera"
              params={{ store: each.store_id, camera: each.camera_id }}
              aria-label={`Zones: ${name}`}
            >
              Zones
            </Link>
          </Acts>
        );
      },
    },
  ];
  const chosen = all.find((each) => each.camera_id === search.id && each.store_id === search.of);
  return (
    <SetupPage
      title="Cameras"
      actions={
        <>
          <StoreFilter />
          {all.length > 8 && <TextFilter label="Find a camera" />}
          <button type="button" className="button" onClick={() => open("find")}>
            Find on the network
          </button>
          <button type="button" className="button" onClick={() => open("import")}>
            From a list
          </button>
          <button type="button" className="button primary" onClick={() => open("add")}>
            Add camera
          </button>
        </>
      }
    >
      <Listed
        one="camera"
        many="Cameras"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => `${each.store_id}/${each.camera_id}`}
        over={
          <p className="quiet count" role="status">
            {shown.length} {shown.length === 1 ? "camera" : "cameras"}
            {down > 0 && <b className="bad">, {down} without pictures</b>}
          </p>
        }
        none={
          <Empty title="No camera yet">
            <p>
              Add the first by its address, find what is on the network, or take all of a store from a list. Recording
              begins as soon as a camera is saved.
            </p>
          </Empty>
        }
      />
      {search.do === "add" && (
        <CameraSheet camera={null} known={all} store={search.store} address={search.id} close={close} />
      )}
      {search.do === "import" && <CameraImport close={close} />}
      {search.do === "find" && <CameraDiscovery close={close} add={(address) => open("add", address)} />}
      {search.do === "edit" && chosen && (
        <CameraSheet key={`${chosen.store_id}/${chosen.camera_id}`} camera={chosen} known={all} close={close} />
      )}
      {search.do === "history" && search.id && (
        <HistorySheet what="camera" id={search.id} store={search.of} close={close} />
      )}
      {search.do === "remove" && chosen && (
        <Remove
          title={`Remove ${chosen.name ?? chosen.camera_id}?`}
          verb="Remove camera"
          act={() => removeCamera(chosen.store_id, chosen.camera_id)}
          close={close}
        >
          <p>
            It is no longer recorded or analysed from now on. <b>What it has recorded stays</b>, as long as retention
            keeps it, and alerts keep their video.
          </p>
          {chosen.registers.length > 0 && (
            <p className="warn">
              Rules that need to see {chosen.registers.length === 1 ? "register" : "registers"}{" "}
              {chosen.registers.join(", ")} may be blind then.
            </p>
          )}
        </Remove>
      )}
      {query.data && (search.do === "edit" || search.do === "remove") && !chosen && (
        <Dialog title="There is no such camera" close={close}>
          <p>It may have been removed meanwhile.</p>
        </Dialog>
      )}
    </SetupPage>
  );
}

function Status({ camera, zone }: { camera: SetCamera; zone: string }) {
  const { connected, since, problem, last_frame_at } = camera.status;
  if (connected === null)
    return (
      <span className="quiet">
        <span aria-hidden="true">?</span> Not known yet
        {problem && <small className="below">{problem}</small>}
      </span>
    );
  return (
    <>
      <span className={connected ? "good" : "bad"}>
        <span aria-hidden="true">{connected ? "●" : "✕"}</span> <b>{connected ? "Recording" : "No pictures"}</b>
      </span>
      {since && (
        <small className="below">
          since <StoreTime at={since} zone={zone} form="brief" />
        </small>
      )}
      {!connected && problem && <small className="below bad">{problem}</small>}
      {!connected && last_frame_at && (
        <small className="below">
          last picture <StoreTime at={last_frame_at} zone={zone} form="brief" />
        </small>
      )}
    </>
  );
}

function StreamLine({ camera, which }: { camera: SetCamera; which: "main" | "sub" }) {
  const stream = camera.streams.find((each) => each.which === which);
  const advice = stream ? streamAdvice(stream) : null;
  return (
    <div title={which === "main" ? camera.url : (camera.sub_url ?? "")}>
      <small>{which}</small> {streamWords(stream)}
      {advice && <small className="below warn">{advice}</small>}
    </div>
  );
}
