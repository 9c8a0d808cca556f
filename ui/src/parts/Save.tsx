// Saves everything about an event as one ZIP file: clips with the receipt as subtitles, stills, receipt, hashes.
import { useMe } from "./session";

export function Save({ path }: { path: string }) {
  // Who sees no video saves none; the server would refuse it.
  if (useMe().role === "head_office") return null;
  return (
    <a
      className="button small"
      href={path}
      download
      title="A ZIP file with clips, stills, the receipt and the hash of every file. Saving is noted in the audit file."
    >
      Save evidence
    </a>
  );
}
