// The frame of every form of the set-up: a dialog that shows what is wrong once somebody has tried to save, saves, says
// what the server refused, and closes.
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { changed } from "../../api/setup";
import { hasFaults } from "../../lib/setup";
import { Dialog } from "./Dialog";
import { Refused } from "./Field";

type Props<Out, Faults extends object> = {
  title: ReactNode;
  // What its button says.
  verb: string;
  close: () => void;
  save: () => Promise<Out>;
  // What comes when it is saved; it is closed when nothing is said.
  saved?: (out: Out) => void;
  // What is wrong with what is written, which is not sent then.
  faults?: Faults;
  dirty?: boolean;
  tone?: "danger";
  wide?: boolean;
  disabled?: boolean;
  // What the button does before there is something to save: true when it did it.
  instead?: () => boolean;
  // What helps when the server refuses.
  cure?: ReactNode;
  children: ReactNode | ((shown: Partial<Faults>) => ReactNode);
};

export function FormSheet<Out, Faults extends object>(props: Props<Out, Faults>) {
  const { title, verb, close, save, saved, faults, dirty, tone, wide, disabled, instead, cure, children } = props;
  const [tried, setTried] = useState(false);
  const work = useMutation({
    mutationFn: save,
    onSuccess: async (out) => {
      await changed();
      if (saved) saved(out);
      else close();
    },
  });
  const wrong = faults !== undefined && hasFaults(faults);
  const act = () => {
    if (instead?.()) return;
    setTried(true);
    if (!wrong) work.mutate();
  };
  return (
    <Dialog
      title={title}
      close={close}
      wide={wide}
      dirty={dirty && !work.isSuccess}
      submit={{ name: verb, act, busy: work.isPending, disabled, tone }}
    >
      {typeof children === "function" ? children(tried && faults ? faults : {}) : children}
      {tried && wrong && (
        <p className="bad" role="alert">
          Something is missing above; it is marked with ✕.
        </p>
      )}
      <Refused error={work.error}>{cure}</Refused>
    </Dialog>
  );
}

// What somebody writes, and whether closing would lose something of it.
export function useForm<Form extends object>(begin: () => Form) {
  const [first] = useState(begin);
  const [form, setForm] = useState(first);
  const set = (next: Partial<Form>) => setForm((old) => ({ ...old, ...next }));
  return { form, set, dirty: JSON.stringify(form) !== JSON.stringify(first) };
}
