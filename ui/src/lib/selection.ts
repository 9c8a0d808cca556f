// What is selected of a list, by id: one by one, from the last one to another, or all.

export type Selection = { chosen: ReadonlySet<string>; from: string | null };

export const NOTHING: Selection = { chosen: new Set(), from: null };

export function toggle({ chosen }: Selection, id: string): Selection {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return { chosen: next, from: id };
}

// Everything between the one that was chosen last and this one, both included, in the order of the list.
export function extend(selection: Selection, order: string[], id: string): Selection {
  const to = order.indexOf(id);
  const from = selection.from === null ? -1 : order.indexOf(selection.from);
  if (to < 0) return selection;
  if (from < 0) return { chosen: new Set(selection.chosen).add(id), from: id };
  const between = order.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { chosen: new Set([...selection.chosen, ...between]), from: selection.from };
}

// All that are shown; none when all are chosen already.
export function everything({ chosen }: Selection, order: string[]): Selection {
  const all = order.length > 0 && order.every((id) => chosen.has(id));
  return all ? NOTHING : { chosen: new Set(order), from: null };
}

// Only what still is in the list. The same object when nothing has gone.
export function keep(selection: Selection, order: string[]): Selection {
  const there = new Set(order);
  const chosen = [...selection.chosen].filter((id) => there.has(id));
  if (chosen.length === selection.chosen.size) return selection;
  return {
    chosen: new Set(chosen),
    from: selection.from !== null && there.has(selection.from) ? selection.from : null,
  };
}
