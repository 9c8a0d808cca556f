// The first page: a store's manager reads the report, everybody else works the queue.
import { Navigate } from "@tanstack/react-router";
import { useMe } from "../parts/session";

export default function Home() {
  const { role } = useMe();
  return <Navigate to={role === "manager" ? "/reports" : "/alerts"} replace />;
}
