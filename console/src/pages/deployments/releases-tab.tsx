import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@connectrpc/connect-query";
import { ActionIcon, Button, Menu, NativeSelect } from "@mantine/core";
import { useCallback, useState } from "react";
import { Link } from "wouter";
import type { Deployment } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { type Release, ReleaseService, ReleaseStatus } from "../../../../gen/ts/deploy/v1/release_pb.js";
import { Icon } from "../../kit/icons.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import classes from "./detail.module.css";
import { taskHref } from "./paths.js";
import { ReleaseDifference } from "./release-difference.js";
import { Rollback } from "./rollback.js";
import { causeText, releaseStatus, sourceText } from "./state.js";

const columns: readonly Column<Release>[] = [
  {
    id: "number",
    header: "Release",
    width: 80,
    sort: ({ number }) => number,
    text: ({ number }) => String(number),
    cell: ({ number }) => number,
  },
  {
    id: "status",
    header: "Status",
    width: 140,
    sort: ({ status }) => releaseStatus(status).text,
    text: ({ status }) => releaseStatus(status).text,
    cell: ({ status, message }) => (
      <StatusBadge tone={releaseStatus(status).tone} title={message || undefined}>
        {releaseStatus(status).text}
      </StatusBadge>
    ),
  },
  {
    id: "cause",
    header: "Why",
    width: 130,
    priority: 3,
    sort: ({ cause }) => causeText(cause),
    text: ({ cause }) => causeText(cause),
    cell: ({ cause, rollbackOf }) => (rollbackOf === 0 ? causeText(cause) : `Rollback to ${rollbackOf}`),
  },
  {
    id: "summary",
    header: "What changed",
    width: 140,
    grow: 3,
    text: ({ summary }) => summary,
    cell: ({ summary, message }) => <span title={message || summary}>{message === "" ? summary : message}</span>,
  },
  {
    id: "source",
    header: "Source",
    width: 130,
    grow: 2,
    priority: 4,
    text: ({ source }) => sourceText(source),
    cell: ({ source }) => <span title={sourceText(source)}>{sourceText(source)}</span>,
  },
  {
    id: "by",
    header: "By",
    width: 120,
    priority: 2,
    sort: ({ createdBy }) => createdBy,
    text: ({ createdBy }) => createdBy,
    cell: ({ createdBy }) => <span title={createdBy}>{createdBy}</span>,
  },
  {
    id: "created",
    header: "When",
    width: 125,
    priority: 1,
    sort: ({ createdAt }) => (createdAt === undefined ? 0 : timestampMs(createdAt)),
    cell: ({ createdAt }) => <Ago at={createdAt} />,
  },
];

const keyOf = ({ uuid }: Release): string => uuid;

/** The releases of a deployment: what changed, by whom, and the way back. */
export function ReleasesTab({ deployment }: { deployment: Deployment }) {
  const { project, uuid } = deployment;
  const { data, error, refetch } = useQuery(ReleaseService.method.list, { project, deployment: uuid, pageSize: 1_000 });
  const [back, setBack] = useState<Release>();
  const [pair, setPair] = useState<{ readonly before: number; readonly after: number }>();
  const { activeRelease } = deployment;
  const actions = useCallback(
    (release: Release) => (
      <ReleaseMenu
        release={release}
        activeRelease={activeRelease}
        task={taskHref({ project, uuid }, release.task)}
        onRollback={() => setBack(release)}
        onCompare={() => setPair({ before: release.number, after: activeRelease })}
      />
    ),
    [activeRelease, project, uuid],
  );
  if (error !== null && data === undefined)
    return <Problem error={error} what="The releases could not be listed" onRetry={() => void refetch()} />;
  return (
    <>
      <VirtualTable
        label="Releases"
        rows={data?.releases}
        rowKey={keyOf}
        columns={columns}
        actions={actions}
        initialSort={{ column: "number", descending: true }}
        toolbar={<Compare releases={data?.releases ?? []} onCompare={setPair} />}
        empty={<p>No release yet.</p>}
      />
      <Rollback deployment={deployment} release={back} onClose={() => setBack(undefined)} />
      {pair !== undefined && <ReleaseDifference deployment={deployment} {...pair} onClose={() => setPair(undefined)} />}
    </>
  );
}

function ReleaseMenu({
  release: { number, status, rollbackDisabled, rollbackDisabledReason },
  activeRelease,
  task,
  onRollback,
  onCompare,
}: {
  release: Release;
  activeRelease: number;
  task: string;
  onRollback: () => void;
  onCompare: () => void;
}) {
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon aria-label={`Actions of release ${number}`} tabIndex={-1}>
          <Icon name="dots" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<Icon name="refresh" />}
          disabled={status !== ReleaseStatus.SUPERSEDED || rollbackDisabled}
          title={rollbackDisabledReason || undefined}
          onClick={onRollback}
        >
          Roll back to it…
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="eye" />}
          disabled={number === activeRelease || activeRelease === 0}
          onClick={onCompare}
        >
          Compare with the active one
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="clock" />} component={Link} href={task}>
          Its task
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Two releases to be compared; the newest two unless others are chosen. */
function Compare({
  releases,
  onCompare,
}: {
  releases: readonly Release[];
  onCompare: (pair: { before: number; after: number }) => void;
}) {
  const [chosen, setChosen] = useState<{ readonly before?: string; readonly after?: string }>({});
  const numbers = releases.map(({ number }) => String(number));
  const before = chosen.before ?? numbers[1] ?? "";
  const after = chosen.after ?? numbers[0] ?? "";
  return (
    <span className={classes.nowrap}>
      <NativeSelect
        size="xs"
        aria-label="Release to compare"
        data={numbers}
        value={before}
        onChange={({ currentTarget }) => setChosen({ ...chosen, before: currentTarget.value })}
      />
      <NativeSelect
        size="xs"
        aria-label="With release"
        data={numbers}
        value={after}
        onChange={({ currentTarget }) => setChosen({ ...chosen, after: currentTarget.value })}
      />
      <Button
        variant="default"
        disabled={before === "" || before === after}
        onClick={() => onCompare({ before: Number(before), after: Number(after) })}
      >
        Compare
      </Button>
    </span>
  );
}
