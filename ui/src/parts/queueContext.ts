// What the review page knows of the queue beside it, and does through it.
import { createContext } from "react";
import type { Batch } from "../api/decide";
import type { AlertSummary, Disposition, QueueItem } from "../api/types";

export type QueueHandle = {
  at: (id: string, step: 1 | -1) => QueueItem | undefined;
  go: (id: string) => void;
  back: () => void;
  // Decides these alerts; what came of it stands in `last` until the next decision or the undo.
  decide: (alerts: AlertSummary[], disposition: Disposition, note: string) => Promise<Batch>;
  undo: () => Promise<void>;
  last: Batch | null;
  give: (alerts: AlertSummary[]) => void;
  giveToMe: (alerts: AlertSummary[]) => void;
  addToCase: (alerts: AlertSummary[]) => void;
};

export const QueueContext = createContext<QueueHandle | null>(null);
