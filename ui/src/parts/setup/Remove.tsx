// Asks before something is removed, and says what stays.
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { changed } from "../../api/setup";
import { Dialog } from "./Dialog";
import { Refused } from "./Field";

type Props = { title: string; verb?: string; act: () => Promise<unknown>; close: () => void; children: ReactNode };

export function Remove({ title, verb = "Remove", act, close, children }: Props) {
  const work = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await changed();
      close();
    },
  });
  return (
    <Dialog
      title={title}
      close={close}
      submit={{ name: verb, act: () => work.mutate(), busy: work.isPending, tone: "danger" }}
    >
      {children}
      <Refused error={work.error} />
    </Dialog>
  );
}
