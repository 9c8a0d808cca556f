// The zones of a camera, drawn on what it shows now.
import { useQuery } from "@tanstack/react-query";
import { Link, useBlocker, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { presenceQuery, type SetCamera, type SetZone, setCamerasQuery, setZonesQuery } from "../api/setup";
import { isName } from "../lib/csv";
import { useKeys } from "../lib/keys";
import { clock, full } from "../lib/time";
import { StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { Refused } from "../parts/setup/Field";
import { HistorySheet } from "../parts/setup/HistorySheet";
import "../style/setup.css";
import { useDrawing } from "../parts/setup/useDrawing";
import { useLiveStill } from "../parts/setup/useLiveStill";
import { useTask } from "../parts/setup/useTask";
import { ZoneCanvas } from "../parts/setup/ZoneCanvas";
import { ZoneForm, ZoneList } from "../parts/setup/ZonePanel";
import { ZonePatterns } from "../parts/setup/ZonePatterns";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function SetupZones() {
  const { store, camera } = useParams({ from: "/setup/cameras/$store/$camera" });
  const cameras = useQuery(setCamerasQuery(store));
  const zones = useQuery(setZonesQuery(store, camera));
  if (cameras.isError) return <Failed error={cameras.error} retry={() => cameras.refetch()} />;
  if (zones.isError && !zones.data) return <Failed error={zones.error} retry={() => zones.refetch()} />;
  if (cameras.isPending || zones.isPending) return <Skeleton rows={2} height={240} label="Loading the zones" />;
  const known = cameras.data.find((each) => each.camera_id === camera && each.store_id === store);
  if (!known)
    return (
      <Empty title="There is no such camera">
        <p>
          <Link to="/setup/cameras">All cameras</Link>
        </p>
      </Empty>
    );
  return <Editor key={`${store}/${camera}`} camera={known} base={zones.data} />;
}

const RECTANGLE: [number, number][] = [
  [0.35, 0.35],
  [0.65, 0.35],
  [0.65, 0.65],
  [0.35, 0.65],
];

function Editor({ camera, base }: { camera: SetCamera; base: SetZone[] }) {
  const { store_id: store, camera_id } = camera;
  const { zone: zoneOf, store: storeOf } = useStores();
  const zone = zoneOf(store);
  const [paused, setPaused] = useState(false);
  const still = useLiveStill(store, camera_id, paused);
  const seen = useQuery(presenceQuery(store));
  const { search, open, close } = useTask();
  const own = useDrawing(store, camera_id, base);
  const { drawing, selected, waiting, hands, conflicts } = own;
  const { zones, pen } = drawing.now;
  const chosen = zones.find((each) => each.zone_id === selected);
  const presence = useMemo(
    () =>
      new Map(
        (seen.data ?? []).filter((each) => each.camera_id === camera_id).map((each) => [each.zone_id, each] as const),
      ),
    [seen.data, camera_id],
  );
  const taken = zones.map((each) => each.zone_id);
  const wrong = waiting.filter((each) => each.faults.length > 0).length;
  const misnamed = waiting.filter(
    ({ sketch }) =>
      sketch &&
      (!isName(sketch.zone_id) ||
        taken.filter((each) => each === sketch.zone_id).length > 1 ||
        (sketch.register_id !== null && !isName(sketch.register_id))),
  ).length;
  const ready = waiting.length > 0 && wrong + misnamed === 0 && conflicts.length === 0 && pen === null && !own.saving;
  const dirty = waiting.length > 0 || (pen?.length ?? 0) > 0;
  const leave = useBlocker({
    // A dialog in the address is no other page.
    shouldBlockFn: ({ current, next }) => dirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => dirty,
    withResolver: true,
  });

  useEffect(() => {
    document.title = `Zones of ${camera.name ?? camera_id} · Tillsight`;
  }, [camera.name, camera_id]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || document.querySelector("dialog[open]")) return;
      const key = event.key.toLowerCase();
      const typing = event.target instanceof HTMLInputElement && event.target.type !== "radio";
      if (key === "s") {
        event.preventDefault();
        if (ready) void own.save();
      } else if (!typing && (key === "y" || (key === "z" && event.shiftKey))) {
        event.preventDefault();
        own.redo();
      } else if (!typing && key === "z") {
        event.preventDefault();
        own.undo();
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
  useKeys({
    d: () => hands.pen([], null),
    p: () => setPaused(!paused),
    Escape: () => (pen ? hands.pen(null, null) : hands.select(null)),
    Enter: () => pen && hands.finish(),
  });

  const old = still.takenAt ? Date.now() - Date.parse(still.takenAt) > 15_000 : false;
  return (
    <div className="setup zones-page">
      <ZonePatterns />
      <header className="bar-of-page">
        <h1>
          <Link to="/setup/cameras" search={{ store }}>
            Cameras
          </Link>{" "}
          › Zones of {camera.name ?? camera_id} <small>{storeOf(store)?.name}</small>
        </h1>
        <div className="filters actions">
          {dirty && !own.saving && (
            <button type="button" className="button" onClick={own.discard}>
              Discard
            </button>
          )}
          <button
            type="button"
            className="button primary"
            disabled={!ready}
            title="Save (Ctrl+S)"
            onClick={() => void own.save()}
          >
            {own.saving
              ? "Saving…"
              : pen
                ? "Drawing…"
                : waiting.length > 0
                  ? `Save ${count(waiting.length, "change")}`
                  : "Saved"}
          </button>
        </div>
      </header>
      {conflicts.map((each) => (
        <div className="problems conflict" role="alert" key={each.zone_id}>
          <p>
            <b>
              {each.theirs
                ? `${each.theirs.changed_by} changed zone ${each.zone_id} on ${full(each.theirs.valid_from, zone)}`
                : `Zone ${each.zone_id} was removed, or is of another camera now`}
            </b>
            , while you were drawing. Yours is kept here and is not saved.
            {each.theirs && " Theirs is the dashed white outline."}
          </p>
          <button type="button" className="button small" onClick={() => own.decide(each, true)}>
            Keep mine
          </button>
          <button type="button" className="button small" onClick={() => own.decide(each, false)}>
            {each.theirs ? "Take theirs" : "Give mine up"}
          </button>
        </div>
      ))}
      {own.outcome?.failed.map(({ zone_id, error }) => (
        <div key={zone_id}>
          <p className="bad">Zone {zone_id} is not saved; the drawing stays.</p>
          <Refused error={error} />
        </div>
      ))}
      <div className="halves of-zones">
        <div className="stage">
          <div className="line tool-bar" role="toolbar" aria-label="Drawing">
            {pen ? (
              <>
                <button type="button" className="button primary" disabled={pen.length < 3} onClick={hands.finish}>
                  Finish
                </button>
                <button type="button" className="button" onClick={() => hands.pen(null, null)}>
                  Cancel
                </button>
              </>
            ) : (
              <>
                <button
                  type="button"
                  className="button"
                  data-draw
                  title="Draw a zone (d)"
                  onClick={() => hands.pen([], null)}
                >
                  Draw a zone
                </button>
                <button
                  type="button"
                  className="button"
                  title="Put a rectangle in the middle"
                  onClick={() => own.fresh(RECTANGLE)}
                >
                  Rectangle
                </button>
              </>
            )}
            <span className="fill" />
            <button
              type="button"
              className="icon"
              aria-label="Undo"
              title="Undo (Ctrl+Z)"
              disabled={drawing.past.length === 0}
              onClick={own.undo}
            >
              ↶
            </button>
            <button
              type="button"
              className="icon"
              aria-label="Redo"
              title="Redo (Ctrl+Shift+Z)"
              disabled={drawing.future.length === 0}
              onClick={own.redo}
            >
              ↷
            </button>
            <button
              type="button"
              className="button small"
              aria-pressed={paused}
              aria-label={paused ? "Held: the picture stands still" : "Hold the picture still"}
              title="Hold the picture still (p)"
              onClick={() => setPaused(!paused)}
            >
              {paused ? "Held" : "Hold"}
            </button>
          </div>
          <ZoneCanvas
            zones={zones}
            selected={selected}
            pen={pen}
            ghosts={conflicts.flatMap((each) => (each.theirs ? [each.theirs] : []))}
            presence={presence}
            picture={still.url}
            note={still.problem}
            hands={hands}
          />
          <p className="under-picture">
            <span className="quiet">
              {pen ? (
                <>
                  Click the corners one after another; the first one again, Enter or a double click closes it. By
                  keyboard: arrows, Space, Enter; Escape cancels.
                </>
              ) : chosen ? (
                <>
                  Drag a corner, or the dot on an edge for a new one. By keyboard: Tab to a corner, arrows move it 1 %
                  (Shift 5 %), <kbd>+</kbd> adds, <kbd>Del</kbd> removes.
                </>
              ) : (
                "Choose a zone to change it."
              )}
            </span>
            <span className={old || still.problem ? "warn when" : "quiet when"}>
              {still.takenAt && (
                <>
                  {paused ? "Held: " : ""}
                  <StoreTime at={still.takenAt} zone={zone} />
                </>
              )}
              {still.problem && still.url && <> · no newer picture: {still.problem}</>}
            </span>
          </p>
          <p role="status" className={own.outcome?.saved.length ? "saved good" : "hidden"}>
            {own.outcome?.saved.length
              ? `${count(own.outcome.saved.length, "change")} saved at ${clock(own.outcome.at, zone)}, effective at once. What is seen in it shows within seconds.`
              : own.said}
          </p>
        </div>
        <div className="side">
          {zones.length === 0 ? (
            <section className="card">
              <h2>No zone yet</h2>
              <p>
                A zone tells the rules where customer, cashier, goods or drawer are to be seen. Most registers need two:
                customer and cashier.
              </p>
            </section>
          ) : (
            <section aria-labelledby="zones-title">
              <h2 id="zones-title">
                Zones <small>with what is seen in them now</small>
              </h2>
              <ZoneList
                zones={zones}
                base={drawing.base}
                selected={selected}
                presence={presence}
                zone={zone}
                select={hands.select}
                form={
                  chosen && (
                    <ZoneForm
                      sketch={chosen}
                      fresh={!drawing.base.some((each) => each.zone_id === chosen.zone_id)}
                      base={drawing.base.find((each) => each.zone_id === chosen.zone_id)}
                      store={store}
                      camera={camera_id}
                      zone={zone}
                      taken={taken}
                      change={own.change}
                      rename={own.rename}
                      shape={hands.shape}
                      remove={hands.remove}
                      history={(id) => open("history", id, store)}
                    />
                  )
                }
              />
              {seen.isError && <p className="warn">What is seen cannot be asked for just now; trying again.</p>}
            </section>
          )}
          {waiting.some((each) => each.what === "remove") && (
            <p className="warn">
              Removed when you save:{" "}
              {waiting
                .filter((each) => each.what === "remove")
                .map((each) => each.zone_id)
                .join(", ")}
            </p>
          )}
        </div>
      </div>
      {search.do === "history" && search.id && <HistorySheet what="zone" id={search.id} store={store} close={close} />}
      {leave.status === "blocked" && (
        <Dialog
          title="Leave without saving?"
          close={() => leave.reset()}
          submit={{ name: "Leave, and lose it", act: () => leave.proceed(), tone: "danger" }}
        >
          <p>{count(Math.max(1, waiting.length), "change")} of this drawing would be lost.</p>
        </Dialog>
      )}
    </div>
  );
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
