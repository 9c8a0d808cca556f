// Loading, empty, failed: what every page says in the same way.
import type { ReactNode } from "react";
import { Problem } from "../api/http";

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof Problem ? error : new Problem(500, "This page failed", String(error));
  return (
    <div className="state failed" role="alert">
      <h2>{problem.title}</h2>
      {problem.detail && <p>{problem.detail}</p>}
      <p className="quiet">{problem.cure}</p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

// Grey bars of the size of what comes.
export function Skeleton({
  rows = 6,
  height = 64,
  label = "Loading",
}: {
  rows?: number;
  height?: number;
  label?: string;
}) {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars have nothing but their place
        <div key={row} style={{ height }} />
      ))}
    </div>
  );
}
