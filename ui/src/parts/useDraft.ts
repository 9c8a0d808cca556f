// The note of an alert that is not sent yet, kept until it is.
import { useEffect, useState } from "react";
import { draftOf, keepDraft, onDraft } from "../lib/drafts";
import { useMe } from "./session";

export function useDraft(alert: string): [string, (text: string) => void] {
  const me = useMe().name;
  const [text, setText] = useState(() => draftOf(me, alert));
  // The note of a decision that was undone comes back while the box is there.
  useEffect(() => onDraft(() => setText(draftOf(me, alert))), [me, alert]);
  const type = (next: string) => {
    keepDraft(me, alert, next);
    setText(next);
  };
  return [text, type];
}
