// Where cameras come from, for who may add them and who may not.
import { Link } from "@tanstack/react-router";
import { useMe } from "./session";

export function NoCamera() {
  if (useMe().role !== "admin") return <p>An administrator can add one.</p>;
  return (
    <p>
      <Link to="/setup/cameras">Set up a camera</Link>: by its address, from a list, or from what is on the network.
    </p>
  );
}
