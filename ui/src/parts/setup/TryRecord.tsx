// Sends pasted records as their integrator would, and writes nothing: what would become of each, and where it is wrong.
import { useMemo, useState } from "react";
import { type Intake, type RecordAnswer, tryRecords } from "../../api/integrator";
import { EXAMPLE, marked, readRecords } from "../../lib/feeds";
import { Chip } from "../bits";
import { Dialog } from "./Dialog";
import { Refused, TextField, Working } from "./Field";
import { RecordText } from "./RecordText";
import { useWork } from "./useWork";

const RESULT: Record<RecordAnswer["result"], [name: string, tone: string]> = {
  accepted: ["Would be accepted", "good"],
  duplicate: ["Known already: changes nothing", ""],
  quarantined: ["Would be set aside", "bad"],
};

export function TryRecord({ integrator, close }: { integrator?: string; close: () => void }) {
  const [text, setText] = useState("");
  const [token, setToken] = useState("");
  const [tried, setTried] = useState(false);
  const read = useMemo(() => readRecords(text), [text]);
  const work = useWork((_: null, signal: AbortSignal) => tryRecords(text, token.trim(), read.lines, signal));
  const missing = token.trim() === "" ? "Paste the secret of an integrator's token." : null;
  return (
    <Dialog
      title={integrator ? `Try a record as ${integrator}` : "Try a record"}
      close={close}
      wide
      dirty={text !== "" && !work.data}
      submit={{
        name: work.data ? "Try again" : "Try it",
        busy: work.busy,
        disabled: read.count === 0,
        act: () => {
          setTried(true);
          if (!missing) work.start(null);
        },
      }}
    >
      <p className="quiet">The answer is the one that the till system would get. Nothing is written.</p>
      <TextField
        label="Token"
        type="password"
        value={token}
        change={setToken}
        hint="The secret of an integrator's token. It is sent with this request only and not kept."
        fault={tried ? missing : null}
        focus
      />
      <div className="field">
        <div className="line">
          <label htmlFor="record">Record, array of records, or one a line</label>
          <span className="fill" />
          {text === "" && (
            <button type="button" className="button small" onClick={() => setText(EXAMPLE)}>
              Show an example
            </button>
          )}
        </div>
        <textarea
          id="record"
          className="code"
          rows={10}
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            work.reset();
          }}
        />
        {read.fault ? (
          <small className="fault">✕ {read.fault}</small>
        ) : (
          read.count > 0 && (
            <small className="quiet">
              {read.count} {read.count === 1 ? "record" : "records"}
            </small>
          )
        )}
      </div>
      {work.busy && <Working what="Asking" seconds={work.seconds} />}
      <Refused error={work.error} />
      {work.data && <Answers intake={work.data} text={text} lines={read.lines} />}
    </Dialog>
  );
}

function Answers({ intake, text, lines }: { intake: Intake; text: string; lines: boolean }) {
  const documents = useMemo(() => documentsOf(text, lines), [text, lines]);
  return (
    <section aria-label="What would become of it">
      <p role="status">
        <b>
          {intake.accepted} accepted, {intake.duplicates} known, {intake.quarantined} set aside
        </b>
      </p>
      <ol className="answers">
        {intake.records.map((each) => {
          const [name, tone] = RESULT[each.result];
          const document = documents[each.index];
          return (
            <li key={each.index} className="card">
              <p className="line">
                <Chip tone={tone}>{name}</Chip>
                {each.code && <code>{each.code}</code>}
                {documents.length > 1 && <small className="quiet">record {each.index + 1}</small>}
              </p>
              {each.detail && <p className={each.blind?.length ? "warn" : ""}>{each.detail}</p>}
              {each.warning && <p className="warn">{each.warning}</p>}
              {each.problems.length > 0 && (
                <ul className="bullets">
                  {each.problems.map((problem) => (
                    <li key={`${problem.pointer} ${problem.detail}`}>
                      <code>{problem.pointer || "/"}</code> {problem.detail}
                    </li>
                  ))}
                </ul>
              )}
              {document && each.problems.length > 0 && (
                <RecordText parts={marked({ text: document, problems: each.problems })} />
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function documentsOf(text: string, lines: boolean): string[] {
  if (lines) return text.split("\n").filter((each) => each.trim() !== "");
  try {
    const value: unknown = JSON.parse(text);
    return (Array.isArray(value) ? value : [value]).map((each) => JSON.stringify(each));
  } catch {
    return [];
  }
}
