// Asks before something is removed, and says what stays.
import type { ReactNode } from "react";
import { FormSheet } from "./FormSheet";

type Props = { title: string; verb?: string; act: () => Promise<unknown>; close: () => void; children: ReactNode };

export function Remove({ title, verb = "Remove", act, close, children }: Props) {
  return (
    <FormSheet title={title} verb={verb} tone="danger" close={close} save={act}>
      {children}
    </FormSheet>
  );
}
