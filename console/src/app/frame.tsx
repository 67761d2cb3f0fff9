import { Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { type ReactNode, Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { announceIn } from "../kit/announce.js";
import { Page, PageHeader } from "../kit/page.js";
import { Problem } from "../kit/problem.js";
import { routes } from "../routes.js";
import { ErrorBoundary } from "./error-boundary.js";
import classes from "./frame.module.css";
import { Header } from "./header.js";
import { Keys } from "./keys.js";
import { Navigation } from "./navigation.js";
import { lastProject, ProjectScope, rememberProject, useProjects } from "./project.js";

/** What is around every page: header, navigation, and the place for the page. */
export function Frame() {
  const [path] = useLocation();
  const { data, error, refetch } = useProjects();
  const [menu, { open, close }] = useDisclosure(false);
  const main = useRef<HTMLElement>(null);
  const named = /^\/projects\/([^/]+)/.exec(path)?.[1];
  const projects = data?.projects;
  const current =
    projects?.find(({ uuid }) => uuid === (named ?? lastProject())) ??
    (named === undefined ? (projects?.find((each) => each.isDefaultProject) ?? projects?.[0]) : undefined);
  const uuid = current?.uuid;
  useEffect(() => {
    if (uuid !== undefined) rememberProject(uuid);
  }, [uuid]);
  useFocusOnMove(path, main);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the menu
  useEffect(close, [path]);
  return (
    <ProjectScope.Provider value={current}>
      <div className={classes.frame}>
        <button type="button" className={classes.skip} onClick={() => main.current?.focus()}>
          Skip to the page
        </button>
        <Header projects={projects ?? []} current={current} onMenu={open} />
        <nav className={classes.nav} aria-label="Pages">
          <Navigation project={uuid} />
        </nav>
        <Drawer
          opened={menu}
          onClose={close}
          size="16rem"
          title="Slipway"
          closeButtonProps={{ "aria-label": "Close the menu" }}
        >
          <nav aria-label="Pages">
            <Navigation project={uuid} />
          </nav>
        </Drawer>
        <main id="main" ref={main} tabIndex={-1} className={classes.main}>
          <ErrorBoundary place={path}>
            <Suspense fallback={<div className={classes.loading} aria-busy="true" />}>
              {error !== null && projects === undefined ? (
                <Page>
                  <PageHeader title="Projects" />
                  <Problem error={error} what="Your projects could not be listed" onRetry={() => void refetch()} />
                </Page>
              ) : (
                projects !== undefined && <Pages project={uuid} wanted={named} />
              )}
            </Suspense>
          </ErrorBoundary>
        </main>
        <div ref={announceIn} className={classes.hidden} role="status" aria-live="polite" />
        <Keys project={uuid} />
      </div>
    </ProjectScope.Provider>
  );
}

function Pages({ project, wanted }: { project: string | undefined; wanted: string | undefined }): ReactNode {
  if (wanted !== undefined && project === undefined)
    return <Missing title="No such project">It may have been deleted, or you do not belong to it any more.</Missing>;
  return (
    <Switch>
      {routes.map(({ path, Page }) => (
        <Route key={path} path={path} component={Page} />
      ))}
      <Route path="/">
        {project === undefined ? (
          <Missing title="No project yet">You belong to no project. Ask for an invitation to one.</Missing>
        ) : (
          <Redirect to={`/projects/${project}/clusters`} replace />
        )}
      </Route>
      <Route path="/projects/:project">
        <Redirect to={`/projects/${project}/clusters`} replace />
      </Route>
      <Route>
        <Missing title="Page not found">There is nothing at this address. The menu leads to all pages.</Missing>
      </Route>
    </Switch>
  );
}

function Missing({ title, children }: { title: string; children: string }) {
  return (
    <Page>
      <PageHeader title={title} />
      <p>{children}</p>
    </Page>
  );
}

/** After moving to another page, keyboard and screen reader go on in it. */
function useFocusOnMove(path: string, main: { readonly current: HTMLElement | null }): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    const element = main.current;
    if (element === null) return;
    element.scrollTop = 0;
    if (!element.contains(document.activeElement)) element.focus({ preventScroll: true });
  }, [path, main]);
}
