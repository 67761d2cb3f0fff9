import { TransportProvider } from "@connectrpc/connect-query";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { useEffect } from "react";
import { Route, Switch, useLocation } from "wouter";
import { dropAllDrafts, ownDrafts } from "../kit/drafts.js";
import { PublicFrame } from "../pages/status/public-frame.js";
import { routes } from "../routes.js";
import { queryClient, slipway } from "./api.js";
import { AwayBanner } from "./away-banner.js";
import { ErrorBoundary } from "./error-boundary.js";
import { Frame } from "./frame.js";
import { reach } from "./reach.js";
import { type SessionState, session } from "./session.js";
import { SignIn, signInPath } from "./sign-in.js";
import { Starting } from "./starting.js";
import { useSession } from "./use-session.js";

/** The console: the sign-in page, or the frame with a page in it. */
export function App() {
  useEffect(() => startOnce(), []);
  const state = useSession();
  return (
    <TransportProvider transport={slipway.transport}>
      <QueryClientProvider client={queryClient}>
        <AwayBanner />
        <Notifications position="bottom-right" limit={4} autoClose={6_000} />
        <ErrorBoundary>
          <Switch>
            <Route path="/sign-in">
              <SignIn />
            </Route>
            <Route>
              <Inside state={state} />
            </Route>
          </Switch>
        </ErrorBoundary>
      </QueryClientProvider>
    </TransportProvider>
  );
}

function Inside({ state }: { state: SessionState }) {
  const [path, navigate] = useLocation();
  const open = routes.find((route) => route.isPublic === true && route.path === path);
  const isOut = state.phase === "signed-out" && open === undefined;
  useEffect(() => {
    if (!isOut) return;
    const here = `${location.pathname}${location.search}`;
    navigate(signInPath(state.ended === "signed-out" ? "/" : here), { replace: true });
  }, [isOut, state.ended, navigate]);
  if (state.phase === "signed-in") return <Frame />;
  return state.phase === "signed-out" && open !== undefined ? (
    <PublicFrame>
      <open.Page />
    </PublicFrame>
  ) : (
    <Starting />
  );
}

let started = false;

function startOnce(): void {
  if (started) return;
  started = true;
  session.subscribe(() => {
    const { phase, login, ended } = session.state();
    if (phase === "signed-in" && login !== undefined) ownDrafts(login);
    if (phase !== "signed-out") return;
    // Nothing of one's data stays behind; what was typed waits for whom it belongs to.
    queryClient.clear();
    if (ended === "signed-out") dropAllDrafts();
  });
  void session.start(reach.doubt);
}
