// To whom alerts are given.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { peopleQuery } from "../api/queries";
import { words } from "../lib/words";
import { type Choice, Picker } from "./Picker";
import { useMe } from "./session";
import { Failed } from "./states";

type Props = { count: number; choose: (assignee: string | null) => void; close: () => void };

const NOBODY = "\u0000";

export function GivePicker({ count, choose, close }: Props) {
  const me = useMe().name;
  const people = useQuery(peopleQuery(true));
  const [typed, setTyped] = useState("");
  const wanted = typed.trim().toLowerCase();
  const all: Choice[] = (people.data ?? []).map((each) => ({
    id: each.name,
    text: each.name,
    hint: each.name === me ? "you" : words(each.role),
  }));
  all.sort((one, other) => Number(other.id === me) - Number(one.id === me));
  const choices = [...all, { id: NOBODY, text: "Nobody", hint: "whoever comes first" }].filter((each) =>
    each.text.toLowerCase().includes(wanted),
  );
  return (
    <Picker
      title={count === 1 ? "Give the alert to" : `Give ${count} alerts to`}
      label="Name"
      choices={choices}
      typed={typed}
      setTyped={setTyped}
      choose={(choice) => choose(choice.id === NOBODY ? null : choice.id)}
      close={close}
      none="Nobody of this name may review."
    >
      {people.isError && <Failed error={people.error} retry={() => people.refetch()} />}
    </Picker>
  );
}
