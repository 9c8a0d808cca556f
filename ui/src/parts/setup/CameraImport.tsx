// Cameras from a list: read, looked over, tried without adding anything, then added.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { changed, type ImportRow, importCameras, setStoresQuery } from "../../api/setup";
import { COLUMNS, type CsvRow, readSheet, writeSheet } from "../../lib/csv";
import { Chip } from "../bits";
import { Dialog } from "./Dialog";
import { Refused, Working } from "./Field";
import { useWork } from "./useWork";

const EXAMPLE = `store,camera,address_or_url,username,password,name
17,till-1,192.0.2.11,viewer,secret,Till 1
17,till-2,rtsp://192.0.2.12/stream1,viewer,secret,Till 2`;

const OUTCOME: Record<ImportRow["outcome"], [name: string, tone: string]> = {
  would_add: ["Works, can be added", "good"],
  added: ["Added", "good"],
  exists: ["Is there already", ""],
  refused: ["Refused", "bad"],
};
// The list is sent with commas and a heading in its first line.
const HEADING = 1;

export function CameraImport({ close }: { close: () => void }) {
  const stores = useQuery(setStoresQuery);
  const [text, setText] = useState("");
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const sheet = useMemo(
    () =>
      readSheet(
        text,
        (stores.data ?? []).map((each) => each.store_id),
      ),
    [text, stores.data],
  );
  const good = sheet.rows.filter((each) => each.faults.length === 0);
  const missing = sheet.faults.some((each) => each.startsWith("There is no column"));
  const dry = useWork((csv: string, signal: AbortSignal) => importCameras(csv, true, signal));
  const real = useWork(async (csv: string, signal: AbortSignal) => {
    const answer = await importCameras(csv, false, signal);
    await changed();
    return answer;
  });
  const work = real.busy || real.data || real.error ? real : dry;
  // Answers name lines of the list that was sent. What was refused when it was tried is not sent again: a second wrong
  // password may lock a camera.
  const [sent, setSent] = useState<CsvRow[]>([]);
  const answersOf = (rows: CsvRow[], items: ImportRow[] | undefined) =>
    new Map((items ?? []).map((each) => [rows[each.line - 1 - HEADING], each]));
  const triedAs = answersOf(good, dry.data?.items);
  const addedAs = answersOf(sent, real.data?.items);
  const answerOf = (row: CsvRow): ImportRow | undefined => addedAs.get(row) ?? triedAs.get(row);
  const ready = (dry.data?.items ?? []).filter((each) => each.outcome === "would_add").length;
  const added = (real.data?.items ?? []).filter((each) => each.outcome === "added").length;
  const busy = dry.busy || real.busy;

  const read = async (file: File | undefined) => {
    if (!file) return;
    if (file.size > 1_000_000) {
      setProblem(`${file.name} has ${Math.round(file.size / 1000)} kB; a list of cameras is smaller than 1 MB.`);
      return;
    }
    setProblem(null);
    put(await file.text());
  };
  const put = (next: string) => {
    setText(next);
    dry.reset();
    real.reset();
  };
  const add = () => {
    const wanted = good.filter((row) => triedAs.get(row)?.outcome === "would_add");
    setSent(wanted);
    real.start(writeSheet(wanted));
  };
  const submit = real.data
    ? undefined
    : dry.data
      ? { name: `Add ${ready} ${ready === 1 ? "camera" : "cameras"}`, act: add, busy: real.busy, disabled: ready === 0 }
      : {
          name: good.length === 1 ? "Try 1 camera" : good.length > 0 ? `Try ${good.length} cameras` : "Try the cameras",
          act: () => dry.start(writeSheet(good)),
          busy: dry.busy,
          disabled: good.length === 0 || missing,
        };
  return (
    <Dialog
      title="Add cameras from a list"
      close={close}
      wide
      dirty={text !== "" && !real.data}
      submit={submit}
      foot={
        real.data && (
          <p role="status">
            <b>{added} added</b>, {sheet.rows.length - added} not.
          </p>
        )
      }
    >
      {!real.data && (
        <div
          className={`drop${over ? " over" : ""}`}
          role="group"
          aria-label="The list"
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            void read(event.dataTransfer.files[0]);
          }}
        >
          <div className="line">
            <label className="button">
              Choose a file
              <input
                type="file"
                className="hidden"
                accept=".csv,.tsv,.txt,text/csv,text/plain"
                disabled={busy}
                onChange={(event) => void read(event.target.files?.[0])}
              />
            </label>
            <span className="quiet">or drop it here, or paste:</span>
            <span className="fill" />
            {text === "" && (
              <button type="button" className="button small" onClick={() => put(EXAMPLE)}>
                Show an example
              </button>
            )}
          </div>
          <label>
            <span className="hidden">The list as text</span>
            <textarea
              rows={text === "" ? 5 : 4}
              className="code"
              value={text}
              disabled={busy}
              placeholder={`${COLUMNS.join(",")}\n…`}
              spellCheck={false}
              onChange={(event) => put(event.target.value)}
            />
          </label>
          <small className="quiet">
            One camera a line. The heading may be left out when the columns stand in this order. Each camera's password
            is tried once, so that nothing is locked.
          </small>
        </div>
      )}
      {[problem, ...sheet.faults].filter(Boolean).map((each) => (
        <p key={each} className="warn" role="alert">
          {each}
        </p>
      ))}
      {busy && (
        <Working
          what={`${real.busy ? "Adding" : "Trying"} ${good.length} ${good.length === 1 ? "camera" : "cameras"}, several at a time`}
          seconds={work.seconds}
        />
      )}
      <Refused error={work.error} />
      {sheet.rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard
        <div className="card rows preview" tabIndex={0} role="group" aria-label="The cameras of the list">
          <table>
            <caption className="hidden">The cameras of the list</caption>
            <thead>
              <tr>
                <th scope="col">Line</th>
                <th scope="col">Store</th>
                <th scope="col">Camera</th>
                <th scope="col">Address or URL</th>
                <th scope="col">Log-in</th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {sheet.rows.map((row) => (
                <PreviewRow key={row.line} row={row} answer={answerOf(row)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Dialog>
  );
}

function PreviewRow({ row, answer }: { row: CsvRow; answer: ImportRow | undefined }) {
  const { values, faults } = row;
  const [name, tone] = answer ? OUTCOME[answer.outcome] : faults.length ? ["Left out", "bad"] : ["Not tried yet", ""];
  return (
    <tr>
      <th scope="row">{row.line}</th>
      <td data-label="Store">{values.store}</td>
      <td data-label="Camera">
        {values.camera}
        {values.name && <small> {values.name}</small>}
      </td>
      <td data-label="Address or URL" className="url">
        {values.address_or_url}
      </td>
      <td data-label="Log-in">
        {values.username || "none"}
        {values.password && <small> with password</small>}
      </td>
      <td data-label="Outcome">
        <Chip tone={tone}>{name}</Chip> <small>{answer?.detail ?? faults.join("; ")}</small>
      </td>
    </tr>
  );
}
