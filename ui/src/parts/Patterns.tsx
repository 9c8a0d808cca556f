// The fills of presence and gaps: each has its own pattern beside its colour, so that neither is needed alone.
export function Patterns() {
  return (
    <svg width="0" height="0" className="patterns" aria-hidden="true" focusable="false">
      <defs>
        <pattern id="fill-present" width="6" height="6" patternUnits="userSpaceOnUse">
          <rect width="6" height="6" className="p-present" />
        </pattern>
        <pattern id="fill-absent" width="6" height="6" patternUnits="userSpaceOnUse">
          <rect width="6" height="6" className="p-absent" />
          <circle cx="3" cy="3" r="0.9" className="p-absent-mark" />
        </pattern>
        <pattern id="fill-unknown" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="7" height="7" className="p-unknown" />
          <rect width="3" height="7" className="p-unknown-mark" />
        </pattern>
        <pattern id="fill-recorded" width="6" height="6" patternUnits="userSpaceOnUse">
          <rect width="6" height="6" className="p-recorded" />
        </pattern>
        <pattern id="fill-gap" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="8" height="8" className="p-gap" />
          <path d="M0 0H8M0 0V8" className="p-gap-mark" />
        </pattern>
      </defs>
    </svg>
  );
}

export type Fill = "present" | "absent" | "unknown" | "recorded" | "gap";

export function Swatch({ fill }: { fill: Fill }) {
  return (
    <svg className="swatch" width="22" height="12" aria-hidden="true">
      <rect width="22" height="12" fill={`url(#fill-${fill})`} />
    </svg>
  );
}
