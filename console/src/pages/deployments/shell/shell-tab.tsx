import { Button, Select } from "@mantine/core";
import { lazy, Suspense, useId, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import type { Deployment } from "../../../../../gen/ts/deploy/v1/deployment_pb.js";
import { InstanceState } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { announce } from "../../../kit/announce.js";
import { Icon } from "../../../kit/icons.js";
import { Problem } from "../../../kit/problem.js";
import { StatusBadge, type Tone } from "../../../kit/status-badge.js";
import { useInstances } from "../instances.js";
import type { ShellPlace } from "./shell-session.js";
import classes from "./shell-tab.module.css";
import type { ShellState } from "./terminal.js";

const Terminal = lazy(() => import("./terminal.js").then(({ Terminal }) => ({ default: Terminal })));

/** A shell in an instance of a deployment. */
export function ShellTab({ deployment, isShown }: { deployment: Deployment; isShown: boolean }) {
  const [search] = useSearchParams();
  const { instances, error, refetch } = useInstances(deployment);
  const [chosen, setChosen] = useState<string | null>(() => search.get("instance"));
  const [place, setPlace] = useState<ShellPlace>();
  const [state, setState] = useState<ShellState>({ state: "opening" });
  const toggle = useRef<HTMLButtonElement>(null);
  const help = useId();
  const ready = (instances ?? []).filter((instance) => instance.state === InstanceState.READY);
  const isOver = state.state === "ended" || state.state === "failed";
  const { project, uuid } = deployment;
  const open = () => {
    setState({ state: "opening" });
    // Another object is another shell, also in the same place.
    setPlace({ project, deployment: uuid, process: "", instance: chosen ?? "" });
  };
  const tell = (next: ShellState) => {
    setState(next);
    announce(`Shell: ${textOf(next).text}`);
  };
  return (
    <div className={classes.tab}>
      <div className={classes.bar}>
        <Select
          size="xs"
          aria-label="Instance"
          placeholder={ready.length === 0 ? "No instance is ready" : "Any ready instance"}
          data={ready.map(({ name }) => name)}
          value={chosen}
          onChange={setChosen}
          clearable
          disabled={place !== undefined && !isOver}
          className={classes.choice}
        />
        {place === undefined || isOver ? (
          <Button
            ref={toggle}
            onClick={open}
            leftSection={<Icon name="terminal" size={14} />}
            disabled={ready.length === 0}
          >
            {place === undefined ? "Open a shell" : "Open another one"}
          </Button>
        ) : (
          <Button ref={toggle} variant="default" onClick={() => setPlace(undefined)}>
            Close the shell
          </Button>
        )}
        {place !== undefined && <StatusBadge tone={textOf(state).tone}>{textOf(state).text}</StatusBadge>}
      </div>
      {error !== null && instances === undefined && (
        <Problem error={error} what="The instances cannot be listed" onRetry={() => void refetch()} />
      )}
      {state.state === "failed" && place !== undefined && <Problem error={state.error} what="The shell has ended" />}
      <div className={classes.frame}>
        {place === undefined ? (
          <p className={classes.none}>
            A shell runs in an instance that is ready, as its processes do. It ends with this page.
          </p>
        ) : (
          <Suspense fallback={null}>
            <Terminal
              place={place}
              isShown={isShown}
              describedBy={help}
              onState={tell}
              onLeave={() => toggle.current?.focus()}
            />
          </Suspense>
        )}
      </div>
      <p id={help} className={classes.help}>
        The terminal takes the Tab key. <kbd>Ctrl</kbd> + <kbd>F6</kbd> leaves it.
      </p>
    </div>
  );
}

function textOf(state: ShellState): { readonly text: string; readonly tone: Tone } {
  switch (state.state) {
    case "opening":
      return { text: "Opening", tone: "busy" };
    case "open":
      return { text: `Open in ${state.instance}`, tone: "good" };
    case "ended":
      return { text: state.exitCode === undefined ? "Ended" : `Ended with ${state.exitCode}`, tone: "quiet" };
    case "failed":
      return { text: "Broken off", tone: "bad" };
  }
}
