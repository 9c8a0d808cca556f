// The cases that something is in.
import { Link } from "@tanstack/react-router";
import type { CaseName } from "../api/types";
import { caseStatus } from "../lib/words";
import { useMayReview } from "./session";

export function CaseChips({ cases }: { cases: CaseName[] | undefined }) {
  const may = useMayReview();
  if (!may) return null;
  return cases?.map((each) => (
    <Link
      key={each.case_id}
      to="/cases/$caseId"
      params={{ caseId: each.case_id }}
      className="chip in-case"
      title={`${each.title} (${caseStatus(each.status)})`}
    >
      In case #{each.number}
    </Link>
  ));
}
