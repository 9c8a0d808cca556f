// What a rule is called; until the list has come, its id as words.
import { useQuery } from "@tanstack/react-query";
import { rulesQuery } from "../api/queries";
import { words } from "../lib/words";

export function useRuleNames(): (id: string) => string {
  const { data } = useQuery(rulesQuery);
  return (id) => data?.find((each) => each.id === id)?.name ?? words(id);
}
