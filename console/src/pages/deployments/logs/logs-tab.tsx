import { Button, MultiSelect, NativeSelect, Switch, TextInput } from "@mantine/core";
import { useDeferredValue, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import type { Deployment } from "../../../../../gen/ts/deploy/v1/deployment_pb.js";
import { Icon } from "../../../kit/icons.js";
import { Problem } from "../../../kit/problem.js";
import { LiveDot } from "../../../kit/use-watch.js";
import { useInstances } from "../instances.js";
import type { ShownLine } from "./log-buffer.js";
import { LogView } from "./log-view.js";
import classes from "./logs-tab.module.css";
import { type LogChoice, useLogs } from "./use-logs.js";

const tails = [100, 500, 1_000, 5_000].map((count) => ({
  value: String(count),
  label: `${count.toLocaleString("en")} lines of each`,
}));
const times = [
  { value: "0", label: "Since they began" },
  { value: "300", label: "Last 5 minutes" },
  { value: "3600", label: "Last hour" },
  { value: "86400", label: "Last day" },
];

/** The logs of all instances of a deployment together, or of some, as they come. */
export function LogsTab({ deployment }: { deployment: Deployment }) {
  const [search] = useSearchParams();
  const instance = search.get("instance");
  const [choice, setChoice] = useState<LogChoice>(() => ({
    project: deployment.project,
    deployment: deployment.uuid,
    processes: [],
    instances: instance === null ? [] : [instance],
    follow: true,
    previous: false,
    tail: 100,
    sinceSeconds: 0,
  }));
  const { lines, watch, clear } = useLogs(choice);
  const [held, setHeld] = useState<readonly ShownLine[]>();
  const [words, setWords] = useState("");
  const wanted = useDeferredValue(words);
  const all = held ?? lines;
  const found = useMemo(() => matching(all, wanted), [all, wanted]);
  const since = held === undefined ? 0 : countAfter(lines, held.at(-1)?.seq ?? 0);
  return (
    <div className={classes.tab}>
      <Choices deployment={deployment} choice={choice} onChange={setChoice} />
      <div className={classes.bar}>
        <TextInput
          className={classes.search}
          size="xs"
          type="search"
          aria-label="Search in the lines"
          placeholder="Search in the lines"
          leftSection={<Icon name="search" size={14} />}
          value={words}
          onChange={({ currentTarget }) => setWords(currentTarget.value)}
        />
        <span className={classes.count} role="status">
          {wanted === ""
            ? `${all.length.toLocaleString("en")} lines`
            : `${found.length.toLocaleString("en")} of ${all.length.toLocaleString("en")}`}
        </span>
        <span className={classes.tools}>
          <LiveDot watch={watch} />
          <Button
            variant="default"
            className={classes.pause}
            leftSection={<Icon name={held === undefined ? "pause" : "chevron"} size={14} />}
            onClick={() => setHeld(held === undefined ? lines : undefined)}
          >
            {held === undefined ? "Pause" : `Go on (${since > 999 ? "999+" : since} new)`}
          </Button>
          <Button
            variant="default"
            onClick={() => {
              clear();
              setHeld(undefined);
            }}
          >
            Clear
          </Button>
        </span>
      </div>
      {watch.state === "failed" && watch.problem !== undefined && (
        <Problem error={new Error(watch.problem.message)} what="The logs cannot be read" />
      )}
      <LogView
        label="Log lines"
        lines={found}
        mark={wanted.trim()}
        empty={wanted === "" ? "No lines yet." : `Nothing has “${wanted}” in it.`}
      />
    </div>
  );
}

/** Which lines are read. */
function Choices({
  deployment,
  choice,
  onChange,
}: {
  deployment: Deployment;
  choice: LogChoice;
  onChange: (choice: LogChoice) => void;
}) {
  const { instances } = useInstances(deployment);
  const set = (more: Partial<LogChoice>) => onChange({ ...choice, ...more });
  const names = [...new Set([...(instances ?? []).map(({ name }) => name), ...choice.instances])];
  return (
    <div className={classes.choices}>
      {deployment.processes.length > 1 && (
        <MultiSelect
          size="xs"
          className={classes.choice}
          aria-label="Only of processes"
          placeholder={choice.processes.length === 0 ? "All processes" : undefined}
          data={deployment.processes.map(({ name }) => name)}
          value={[...choice.processes]}
          onChange={(processes) => set({ processes })}
          clearable
        />
      )}
      <MultiSelect
        size="xs"
        className={classes.choice}
        aria-label="Only of instances"
        placeholder={choice.instances.length === 0 ? "All instances" : undefined}
        data={names}
        value={[...choice.instances]}
        onChange={(wanted) => set({ instances: wanted })}
        clearable
      />
      <NativeSelect
        size="xs"
        aria-label="From when on"
        data={times}
        value={String(choice.sinceSeconds)}
        onChange={({ currentTarget }) => set({ sinceSeconds: Number(currentTarget.value) })}
      />
      <NativeSelect
        size="xs"
        aria-label="How many lines"
        data={tails}
        value={String(choice.tail)}
        onChange={({ currentTarget }) => set({ tail: Number(currentTarget.value) })}
      />
      <Switch
        size="xs"
        label="Follow"
        checked={choice.follow}
        onChange={({ currentTarget }) => set({ follow: currentTarget.checked, previous: false })}
      />
      <Switch
        size="xs"
        label="Before the last restart"
        checked={choice.previous}
        onChange={({ currentTarget }) => set({ previous: currentTarget.checked, follow: !currentTarget.checked })}
      />
    </div>
  );
}

function matching(lines: readonly ShownLine[], words: string): readonly ShownLine[] {
  const text = words.trim().toLowerCase();
  if (text === "") return lines;
  return lines.filter((line) => line.text.toLowerCase().includes(text) || line.label.toLowerCase().includes(text));
}

function countAfter(lines: readonly ShownLine[], seq: number): number {
  let count = 0;
  for (let i = lines.length - 1; i >= 0 && (lines[i]?.seq ?? 0) > seq; i--) count++;
  return count;
}
