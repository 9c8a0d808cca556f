// Fills of the kinds of zones: each has its own pattern beside its colour. They lie over pictures, so that between the
// marks the picture is seen.
import type { ZoneKind } from "../../api/setup";

export function ZonePatterns() {
  return (
    <svg width="0" height="0" className="patterns" aria-hidden="true" focusable="false">
      <defs>
        <Pattern kind="customer" size={12}>
          <path d="M-3 3 3-3M0 12 12 0M9 15 15 9" />
        </Pattern>
        <Pattern kind="cashier" size={12}>
          <circle cx="3" cy="3" r="1.4" />
          <circle cx="9" cy="9" r="1.4" />
        </Pattern>
        <Pattern kind="bagging" size={12}>
          <path d="M0 0 12 12M0 12 12 0" />
        </Pattern>
        <Pattern kind="drawer" size={8}>
          <path d="M0 4H8" />
        </Pattern>
        <Pattern kind="exit" size={14}>
          <path d="M0 10 7 3 14 10" />
        </Pattern>
      </defs>
    </svg>
  );
}

function Pattern({ kind, size, children }: { kind: ZoneKind; size: number; children: React.ReactNode }) {
  return (
    <pattern id={`zone-${kind}`} width={size} height={size} patternUnits="userSpaceOnUse" className={`zone-${kind}`}>
      <rect width={size} height={size} className="wash" />
      <g className="marks">{children}</g>
    </pattern>
  );
}

export function KindSwatch({ kind }: { kind: ZoneKind }) {
  return (
    <svg className="swatch kind" width="26" height="18" aria-hidden="true">
      <rect width="26" height="18" className="under" />
      <rect x="1" y="1" width="24" height="16" fill={`url(#zone-${kind})`} className={`outline zone-${kind}`} />
    </svg>
  );
}
