// A record as it came, with the places that are wrong marked.
import type { Part } from "../../lib/feeds";

export function RecordText({ parts }: { parts: Part[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that it must be reached by keyboard
    <pre className="code record" tabIndex={0} role="group" aria-label="The record as it came">
      {parts.map((part, at) => {
        const text = `${part.text}\n`;
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place
        return part.marked ? <mark key={at}>{text}</mark> : <span key={at}>{text}</span>;
      })}
    </pre>
  );
}
