// A list of the set-up as it is just now: loading, failed, empty, nothing that fits, or its rows.
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Empty, Failed, Skeleton } from "../states";
import { type Column, Rows } from "./Rows";

type Props<T> = {
  // One of them, and what stands over the table: "camera", "Cameras".
  one: string;
  many: string;
  query: Pick<UseQueryResult, "isError" | "isPending" | "error" | "refetch">;
  all: readonly T[];
  // Those that the filters leave.
  shown: readonly T[];
  columns: Column<T>[];
  id: (row: T) => string;
  dim?: (row: T) => boolean;
  // What is said when there is none at all.
  none: ReactNode;
  // What stands over the rows.
  over?: ReactNode;
};

export function Listed<T>({ one, many, query, all, shown, columns, id, dim, none, over }: Props<T>) {
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (query.isPending) return <Skeleton rows={4} height={48} label={`Loading ${many.toLowerCase()}`} />;
  if (all.length === 0) return none;
  if (shown.length === 0)
    return (
      <Empty title={`No ${one} fits`}>
        <p>Write another text above, or choose another store.</p>
      </Empty>
    );
  return (
    <>
      {over}
      <Rows caption={many} columns={columns} rows={shown} id={id} dim={dim} />
    </>
  );
}

type ActsProps = { of: string; acts: readonly (readonly [name: string, act: () => void])[]; children?: ReactNode };

// What can be done with a row. Who hears the buttons hears of what they are.
export function Acts({ of, acts, children }: ActsProps) {
  return (
    <div className="acts">
      {children}
      {acts.map(([name, act]) => (
        <button key={name} type="button" className="button small" aria-label={`${name}: ${of}`} onClick={act}>
          {name}
        </button>
      ))}
    </div>
  );
}
