// Keys. They are off while somebody types, and with Ctrl, Alt or Meta held, so that the browser's own keys work.
import { useEffect, useRef } from "react";
import type { Role } from "../api/types";

export type Keys = Record<string, (event: KeyboardEvent) => void>;

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true;
  return (
    target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "range"].includes(target.type)
  );
}

// Names are `event.key`; a letter is the same with and without caps lock, and another one with Shift: `Shift+x`.
export function useKeys(keys: Keys, enabled = true): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    if (!enabled) return;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
      if (typing(event.target) || document.querySelector("dialog[open]")) return;
      // What these do with a key by themselves comes first; a link, or a slider, does nothing with a space.
      const own = event.key === " " ? "button, summary, input" : event.key === "Enter" ? "button, a, summary" : null;
      if (own && event.target instanceof HTMLElement && event.target.closest(own)) return;
      const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      // A sign that needs Shift is its own key.
      const sign = event.key.length === 1 && name === name.toUpperCase();
      const act = now.current[event.shiftKey && !sign ? `Shift+${name}` : name];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [enabled]);
}

// Two keys one after the other. It comes before what the page does with the second one alone.
export function useChord(first: string, second: string, act: () => void): void {
  const now = useRef(act);
  now.current = act;
  useEffect(() => {
    let until = 0;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
      if (typing(event.target) || document.querySelector("dialog[open]")) return;
      const key = event.key.toLowerCase();
      const due = key === second && event.timeStamp < until;
      until = key === first ? event.timeStamp + 1200 : 0;
      if (!due) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      now.current();
    };
    window.addEventListener("keydown", press, true);
    return () => window.removeEventListener("keydown", press, true);
  }, [first, second]);
}

// Who has a key: loss prevention, a store's manager, an administrator, who sees video; everybody when it is left out.
type Whose = "reviews" | "speaks" | "sets_up" | "sees";
type Key = [keys: string, what: string, whose?: Whose];
type Group = { where: string; whose?: Whose; keys: Key[] };

const HAS: Record<Role, Whose[]> = {
  analyst: ["reviews", "sees"],
  manager: ["speaks", "sees"],
  head_office: [],
  admin: ["reviews", "sees", "sets_up"],
};

// What the help sheet lists for somebody, by place.
export function helpOf(role: Role): Group[] {
  const has = (whose?: Whose) => !whose || HAS[role].includes(whose);
  return HELP.filter((group) => has(group.whose)).map((group) => ({
    ...group,
    keys: group.keys.filter(([, , whose]) => has(whose)),
  }));
}

const HELP: Group[] = [
  {
    where: "Everywhere",
    keys: [
      ["/", "Search"],
      ["g then q", "Go to the queue"],
      ["g then s", "Go to search"],
      ["g then r", "Go to the daily report"],
      ["g then c", "Go to cases", "reviews"],
      ["g then v", "Go to cameras and coverage"],
      ["g then w", "Go to free playback", "sees"],
      ["g then k", "Go to risk", "sees"],
      ["g then u", "Go to the set-up", "sets_up"],
      ["?", "This list"],
      ["Esc", "Close, or leave a text box"],
    ],
  },
  {
    where: "Queue and review",
    keys: [
      ["j  k", "Next, previous item"],
      ["Shift J  K", "Next, previous alert of the item (in review)"],
      ["→  ←", "Show, fold the alerts of an item (in the queue)"],
      ["Enter", "Open the alert (in the queue)"],
      ["x", "Select, and go on", "reviews"],
      ["Shift X", "Select from the last one to here", "reviews"],
      ["*", "Select all that are shown, or none", "reviews"],
      ["a", "Give to somebody", "reviews"],
      ["Shift A", "Give to me", "reviews"],
      ["e", "Add to a case", "reviews"],
      ["1", "Decide: confirmed loss", "reviews"],
      ["2", "Decide: policy", "reviews"],
      ["3", "Decide: operational", "reviews"],
      ["4", "Decide: no issue", "reviews"],
      ["5", "Decide: follow up", "reviews"],
      ["6", "Decide: duplicate", "reviews"],
      ["7", "Decide: cannot tell", "reviews"],
      ["i", "Decide the whole item, or this alert only", "reviews"],
      ["n", "Write a note, kept with the decision", "reviews"],
      ["u", "Undo the last decision", "reviews"],
      ["1", "Say that it is explained", "speaks"],
      ["2", "Ask loss prevention to look at it", "speaks"],
      ["n", "Write a note for loss prevention", "speaks"],
    ],
  },
  {
    where: "Search",
    keys: [
      ["j  k", "Next, previous result"],
      ["Home  End", "First, last result"],
      ["Enter", "Open it"],
      ["e", "Add the result to a case", "reviews"],
      ["n", "Save this search"],
    ],
  },
  {
    where: "Cases",
    whose: "reviews",
    keys: [
      ["j  k", "Next, previous case"],
      ["Enter", "Open it"],
      ["n", "Open a new case"],
    ],
  },
  {
    where: "Video",
    whose: "sees",
    keys: [
      ["Space", "Play or pause"],
      ["[  ]", "Previous, next receipt line"],
      [",  .", "One frame back, forward"],
      ["←  →", "5 seconds back, forward"],
      ["Shift ←  →", "1 second back, forward"],
      ["-  +", "Slower, faster (0.25 to 8 times)"],
      ["h", "Go to the event"],
      ["b", "Boxes and zones on the picture"],
      ["m", "Sound on or off"],
      ["f", "Full screen"],
    ],
  },
  {
    where: "Watch",
    whose: "sees",
    keys: [
      ["Space", "Play or pause all cameras"],
      [",  .", "One frame back, forward"],
      ["←  →", "5 seconds back, forward"],
      ["Shift ←  →", "1 second back, forward"],
      ["<  >", "Slower, faster (0.25 to 8 times)"],
      ["-  +", "Wider, closer timeline"],
      ["0", "The whole day"],
      ["[  ]", "Previous, next alert or receipt"],
      ["Home  End", "Begin, end of the day's recording"],
      ["l", "Live edge"],
      ["e", "Add the video around this moment to a case", "reviews"],
      ["t", "Write a day and a time"],
    ],
  },
  {
    where: "Zones of a camera",
    whose: "sets_up",
    keys: [
      ["d", "Draw a zone"],
      ["Tab", "Next zone; next corner of the chosen one"],
      ["arrows", "Move pen, corner or zone by 1 %"],
      ["Shift arrows", "By 5 %"],
      ["Space", "Set a corner (while drawing)"],
      ["+", "Add a corner after this one"],
      ["Delete", "Remove the corner or the zone"],
      ["Enter", "Go to the corners; finish"],
      ["Esc", "Cancel: as it was before"],
      ["Ctrl Z", "Undo (Ctrl Shift Z: redo)"],
      ["Ctrl S", "Save"],
      ["p", "Hold the picture still"],
    ],
  },
];
