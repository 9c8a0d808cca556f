// A page that only administrators see. To others it asks the server nothing.
import { lazyRouteComponent } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useMe } from "./session";
import { Empty } from "./states";

export function forAdmins(load: () => Promise<{ default: () => ReactNode }>) {
  const Page = lazyRouteComponent(load);
  function ForAdmins() {
    return useMe().role === "admin" ? <Page /> : <NotAdmin />;
  }
  return Object.assign(ForAdmins, { preload: Page.preload });
}

function NotAdmin() {
  return (
    <Empty title="Only administrators set things up">
      <p>Ask an administrator of your company if something here has to change.</p>
    </Empty>
  );
}
