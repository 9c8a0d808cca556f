// Notes that were typed and not sent yet, one an alert. They stay for as long as the tab does, through a reload and through
// other alerts; each is of one person, as tabs are handed on.

const listeners = new Set<() => void>();
const name = (who: string, alert: string) => `tillsight.note ${who} ${alert}`;

export function draftOf(who: string, alert: string): string {
  try {
    return sessionStorage.getItem(name(who, alert)) ?? "";
  } catch {
    return "";
  }
}

// An empty one is forgotten.
export function keepDraft(who: string, alert: string, text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(name(who, alert));
    else sessionStorage.setItem(name(who, alert), text);
  } catch {
    // A browser that keeps nothing, or has no room: what is typed then lasts for as long as its box.
  }
  for (const each of [...listeners]) each();
}

export function onDraft(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
