import { Alert, Button, Tabs } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation, useParams, useSearchParams } from "wouter";
import { type Deployment, DeploymentPhase } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { LiveDot } from "../../kit/use-watch.js";
import { ConfigTab } from "./config-tab.js";
import { DeploymentMenu } from "./deployment-menu.js";
import classes from "./detail.module.css";
import { LogsTab } from "./logs/logs-tab.js";
import { OverviewTab } from "./overview-tab.js";
import { hrefOf, listHref, type Tab, tabs, taskHref } from "./paths.js";
import { refreshOthers } from "./refresh-others.js";
import { ReleasesTab } from "./releases-tab.js";
import { RoutesTab } from "./routes-tab.js";
import { ShellTab } from "./shell/shell-tab.js";
import { healthOf, isOpen, percentOf, phaseOf, taskState, taskText } from "./state.js";
import { TasksTab } from "./tasks-tab.js";
import { TextLink } from "./text-link.js";
import { useDeployment } from "./use-deployment.js";
import { useTasks } from "./use-tasks.js";

const labels: Readonly<Record<Tab, string>> = {
  overview: "Overview",
  releases: "Releases",
  tasks: "Tasks",
  config: "Config",
  routes: "Routes",
  logs: "Logs",
  shell: "Shell",
};

/** A deployment with all that is known of it, live. */
export function Page() {
  const { uuid: project } = useProject();
  const { deployment: uuid = "" } = useParams();
  const queryClient = useQueryClient();
  const { deployment, error, refetch, watch } = useDeployment(project, uuid);
  // What a task changes shows in releases, routes and instances.
  const { tasks, error: tasksError } = useTasks(project, uuid, () => refreshOthers(queryClient));
  const [tab, setTab] = useTab();
  const [, navigate] = useLocation();
  const list = listHref(project);
  const running = tasks?.find(isOpen);
  return (
    <PageBody fill>
      <PageHeader
        title={deployment?.name ?? "Deployment"}
        parents={[{ label: "Deployments", href: list }]}
        badge={deployment && <Badges deployment={deployment} />}
      >
        {deployment !== undefined && (
          <>
            <LiveDot watch={watch} />
            <Button
              component={Link}
              href={`${list}/${uuid}/change`}
              variant="default"
              leftSection={<Icon name="edit" size={14} />}
            >
              Change
            </Button>
            <DeploymentMenu deployment={deployment} onDeleted={() => navigate(taskListOf(deployment))} />
          </>
        )}
      </PageHeader>
      {error !== null && deployment === undefined && (
        <Problem error={error} what="The deployment could not be read" onRetry={() => void refetch()} />
      )}
      {deployment !== undefined && (
        <>
          {deployment.phase === DeploymentPhase.DELETED && <Gone list={list} />}
          <Line deployment={deployment} running={running} />
          <Tabs
            value={tab}
            onChange={(next) => setTab((next ?? "overview") as Tab)}
            keepMounted={false}
            className={classes.tabs}
            activateTabWithKeyboard={false}
          >
            <Tabs.List className={classes.tabList}>
              {tabs.map((each) => (
                <Tabs.Tab key={each} value={each}>
                  {labels[each]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Panels deployment={deployment} tasks={tasks} tasksError={tasksError} tab={tab} />
          </Tabs>
        </>
      )}
    </PageBody>
  );
}

const taskListOf = (deployment: Deployment): string => hrefOf(deployment, "tasks");

function Badges({ deployment: { health, healthMessage, phase, phaseMessage } }: { deployment: Deployment }) {
  const now = phaseOf(phase);
  const { text, tone } = healthOf(health);
  return (
    <>
      <StatusBadge tone={tone} title={healthMessage || undefined}>
        {text}
      </StatusBadge>
      {phase !== DeploymentPhase.IDLE && (
        <StatusBadge tone={now.tone} title={phaseMessage || undefined}>
          {now.text}
        </StatusBadge>
      )}
    </>
  );
}

/** What goes on, or why it is not well: one line that always has its room. */
function Line({
  deployment,
  running,
}: {
  deployment: Deployment;
  running: ReturnType<typeof useTasks>["tasks"] extends readonly (infer T)[] | undefined ? T | undefined : never;
}) {
  const { healthMessage, phaseMessage, phase } = deployment;
  const words = phase === DeploymentPhase.FAILED ? phaseMessage : healthMessage;
  return (
    <div className={classes.line}>
      {running === undefined ? (
        <span title={words}>{words === "" ? "All is as it should be." : words}</span>
      ) : (
        <>
          <TextLink href={taskHref(deployment, running.uuid)}>{taskText(running)}</TextLink>
          <span>
            {taskState(running.state).text} · {Math.round(percentOf(running))} % · {running.message}
          </span>
        </>
      )}
    </div>
  );
}

function Gone({ list }: { list: string }) {
  return (
    <Alert variant="outline" color="gray" icon={<Icon name="trash" />}>
      This deployment is deleted. <TextLink href={list}>Back to the deployments</TextLink>
    </Alert>
  );
}

function Panels({
  deployment,
  tasks,
  tasksError,
  tab,
}: {
  deployment: Deployment;
  tasks: ReturnType<typeof useTasks>["tasks"];
  tasksError: unknown;
  tab: Tab;
}) {
  const [shell, setShell] = useState(tab === "shell");
  if (tab === "shell" && !shell) setShell(true);
  return (
    <>
      <Tabs.Panel value="overview" className={classes.panel}>
        <OverviewTab deployment={deployment} />
      </Tabs.Panel>
      <Tabs.Panel value="releases" className={classes.fillPanel}>
        <ReleasesTab deployment={deployment} />
      </Tabs.Panel>
      <Tabs.Panel value="tasks" className={classes.panel}>
        <TasksTab deployment={deployment} tasks={tasks} error={tasksError} />
      </Tabs.Panel>
      <Tabs.Panel value="config" className={classes.panel}>
        <ConfigTab deployment={deployment} />
      </Tabs.Panel>
      <Tabs.Panel value="routes" className={classes.panel}>
        <RoutesTab deployment={deployment} />
      </Tabs.Panel>
      <Tabs.Panel value="logs" className={classes.fillPanel}>
        <LogsTab deployment={deployment} />
      </Tabs.Panel>
      {/* A shell goes on while one looks at the logs. */}
      <Tabs.Panel value="shell" keepMounted={shell} className={classes.fillPanel}>
        <ShellTab deployment={deployment} isShown={tab === "shell"} />
      </Tabs.Panel>
    </>
  );
}

/** The tab is in the address, so that it can be linked and gone back to. */
function useTab(): readonly [Tab, (tab: Tab) => void] {
  const [search, setSearch] = useSearchParams();
  const named = search.get("tab");
  const tab = tabs.find((each) => each === named) ?? "overview";
  return [tab, (next) => setSearch(next === "overview" ? {} : { tab: next })];
}
