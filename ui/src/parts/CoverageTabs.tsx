// Whether the system could see: cameras and a day of a store, and how each rule sees just now.
import { Link } from "@tanstack/react-router";

export function CoverageTabs({ here }: { here: "cameras" | "matrix" }) {
  return (
    <nav className="tabs" aria-label="Whether the system can see">
      <Link to="/cameras" search={{}} aria-current={here === "cameras" ? "page" : undefined}>
        Cameras
      </Link>
      <Link to="/coverage" search={{}} aria-current={here === "matrix" ? "page" : undefined}>
        Rules
      </Link>
    </nav>
  );
}
