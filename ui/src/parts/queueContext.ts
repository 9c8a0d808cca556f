// What the review page knows of the queue beside it.
import { createContext } from "react";
import type { AlertSummary } from "../api/types";

export type QueueHandle = {
  at: (id: string, step: 1 | -1) => AlertSummary | undefined;
  go: (id: string) => void;
  back: () => void;
};

export const QueueContext = createContext<QueueHandle | null>(null);
