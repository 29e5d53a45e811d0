import { lazy, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";
import { FleetPage } from "../pages/fleet/FleetPage";
import { Waiting } from "../parts/Waiting";

// The fleet is in the first load; each other page comes when it is asked for.
const DrainsPage = lazy(() => import("../pages/drains/DrainsPage"));
const ActivityPage = lazy(() => import("../pages/activity/ActivityPage"));
const AuditPage = lazy(() => import("../pages/audit/AuditPage"));
const SessionsPage = lazy(() => import("../pages/sessions/SessionsPage"));
const KeysPage = lazy(() => import("../pages/keys/KeysPage"));
const AboutPage = lazy(() => import("../pages/about/AboutPage"));

export function Routes() {
  return (
    <Suspense fallback={<Waiting />}>
      <Switch>
        <Route path="/">
          <FleetPage />
        </Route>
        <Route path="/server/:type/:id">
          {({ type, id }) => <FleetPage open={`${decodeURIComponent(type)}/${decodeURIComponent(id)}`} />}
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
    </Suspense>
  );
}
