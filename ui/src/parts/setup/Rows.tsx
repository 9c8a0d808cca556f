// A table that becomes a list of cards on a phone.
import { type ReactNode, useState } from "react";

export type Column<T> = { name: string; cell: (row: T) => ReactNode; className?: string };

type Props<T> = {
  caption: string;
  columns: Column<T>[];
  rows: readonly T[];
  id: (row: T) => string;
  dim?: (row: T) => boolean;
};

const PAGE = 200;

export function Rows<T>({ caption, columns, rows, id, dim }: Props<T>) {
  const [most, setMost] = useState(PAGE);
  return (
    <>
      <div className="card rows">
        <table>
          <caption className="hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map((each) => (
                <th key={each.name} scope="col" className={each.className}>
                  {each.name === "Actions" ? <span className="hidden">Actions</span> : each.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row) => (
              <tr key={id(row)} className={dim?.(row) ? "dim" : undefined}>
                {columns.map((each, at) => {
                  const shown = each.cell(row);
                  return at === 0 ? (
                    <th key={each.name} scope="row" className={each.className}>
                      {shown}
                    </th>
                  ) : (
                    <td key={each.name} data-label={each.name} className={each.className}>
                      {shown}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > most && (
        <p className="line more">
          <span className="quiet">
            {most.toLocaleString("en-US")} of {rows.length.toLocaleString("en-US")} are shown.
          </span>
          <button type="button" className="button small" onClick={() => setMost(most + PAGE)}>
            Show {Math.min(PAGE, rows.length - most)} more
          </button>
        </p>
      )}
    </>
  );
}
