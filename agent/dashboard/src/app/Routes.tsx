import { Suspense, type ReactNode } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { FleetPage } from "../pages/fleet/FleetPage";
import { Waiting } from "../parts/Waiting";
import { useWords } from "../words/use";
import { Arrival } from "./Arrival";
import { Boundary } from "./Boundary";
import { later } from "./later";
import { placeOf } from "./navigation";

// The fleet is in the first load; each other page comes when it is asked for.
const DrainsPage = later(() => import("../pages/drains/DrainsPage"));
const ActivityPage = later(() => import("../pages/activity/ActivityPage"));
const AuditPage = later(() => import("../pages/audit/AuditPage"));
const SessionsPage = later(() => import("../pages/sessions/SessionsPage"));
const KeysPage = later(() => import("../pages/keys/KeysPage"));
const AboutPage = later(() => import("../pages/about/AboutPage"));

/** A server is looked at within the fleet: to open one is not to go to another place. */
function Place({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const words = useWords();
  const place = placeOf(location);
  const part = decodeSafely(location.split("/").slice(2).join("/"));
  return (
    <Boundary place={location}>
      <Suspense fallback={<Waiting text={words.shell.connectingTo} />}>
        <Arrival at={place === "fleet" ? place : location} title={[part, words.nav[place]].filter(Boolean).join(" · ")}>
          {children}
        </Arrival>
      </Suspense>
    </Boundary>
  );
}

/** A name in an address may be anything, also what is no escape. */
function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function Routes() {
  return (
    <Place>
      <Switch>
        <Route path="/">
          <FleetPage />
        </Route>
        <Route path="/server/:type/:id">
          {({ type, id }) => <FleetPage open={`${decodeSafely(type)}/${decodeSafely(id)}`} />}
        </Route>
        <Route path="/drains/:id?">{({ id }) => <DrainsPage id={id ?? null} />}</Route>
        <Route path="/activity" component={ActivityPage} />
        <Route path="/audit" component={AuditPage} />
        <Route path="/sessions" component={SessionsPage} />
        <Route path="/keys" component={KeysPage} />
        <Route path="/about" component={AboutPage} />
        <Route>
          <Redirect to="/" replace />
        </Route>
      </Switch>
    </Place>
  );
}
