import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Button } from "@mantine/core";
import { useCallback, useState } from "react";
import { Link, useLocation } from "wouter";
import type { AuditTrace } from "../../../../gen/ts/api/v1/audit_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { Page as PageBody, PageHeader } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { type Column, VirtualTable } from "../../kit/virtual-table.js";
import { useOpened } from "../volumes/use-opened.js";
import classes from "./audit.module.css";
import { codeText, codeTone } from "./codes.js";
import { Filters } from "./filters.js";
import { everything, type Selection } from "./selection.js";
import { ToTheSecond } from "./to-the-second.js";
import { phaseText, TraceDrawer } from "./trace-drawer.js";
import { traceKey, useTraces } from "./use-traces.js";

const timeOf = ({ timestamp }: AuditTrace): number => (timestamp === undefined ? 0 : timestampMs(timestamp));

const columns: readonly Column<AuditTrace>[] = [
  {
    id: "time",
    header: "When",
    width: 200,
    priority: 1,
    sort: timeOf,
    cell: ({ timestamp }) => <ToTheSecond at={timestamp} />,
  },
  {
    id: "method",
    header: "Method",
    width: 170,
    grow: 2,
    sort: ({ method }) => method,
    text: ({ method, uuid }) => `${method} ${uuid}`,
    cell: (trace) => <TraceLink trace={trace} />,
  },
  {
    id: "code",
    header: "Ended with",
    width: 150,
    sort: ({ resultCode }) => resultCode ?? -1,
    text: ({ resultCode }) => codeText(resultCode),
    cell: ({ resultCode }) =>
      resultCode === undefined ? "–" : <StatusBadge tone={codeTone(resultCode)}>{codeText(resultCode)}</StatusBadge>,
  },
  {
    id: "phase",
    header: "Phase",
    width: 90,
    priority: 3,
    sort: phaseText,
    text: phaseText,
    cell: phaseText,
  },
  {
    id: "user",
    header: "User",
    width: 130,
    grow: 1,
    priority: 2,
    sort: ({ user }) => user,
    text: ({ user }) => user,
    cell: ({ user }) => <span title={user}>{user || "–"}</span>,
  },
  {
    id: "address",
    header: "From address",
    width: 120,
    priority: 4,
    sort: ({ sourceIp }) => sourceIp,
    text: ({ sourceIp }) => sourceIp,
    cell: ({ sourceIp }) => sourceIp,
  },
];

function TraceLink({ trace }: { trace: AuditTrace }) {
  const [path] = useLocation();
  return (
    <Link href={hrefAt(path, trace)} tabIndex={-1} title={trace.method}>
      {trace.method.slice(1)}
    </Link>
  );
}

const hrefAt = (path: string, trace: AuditTrace): string => `${path}?record=${encodeURIComponent(traceKey(trace))}`;

/** The audit log of the tenant: who called what, when, and how it ended. */
export function Page() {
  const { uuid: project, tenant } = useProject();
  const [selection, setSelection] = useState<Selection>(everything);
  const [now, setNow] = useState(() => new Date());
  const { traces, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useTraces(tenant, selection, now);
  const { id, close } = useOpened("record");
  const select = (next: Selection) => {
    setNow(new Date());
    setSelection(next);
  };
  const hrefOf = useCallback((trace: AuditTrace) => hrefAt(`/projects/${project}/audit`, trace), [project]);
  return (
    <PageBody fill>
      <PageHeader title="Audit log">
        <Button variant="default" leftSection={<Icon name="refresh" size={14} />} onClick={() => setNow(new Date())}>
          Look again
        </Button>
      </PageHeader>
      <Filters value={selection} onChange={select} />
      {error !== null && (
        <Problem error={error} what="The audit log could not be read" onRetry={() => void refetch()} />
      )}
      {(error === null || traces !== undefined) && (
        <div className={classes.records}>
          <VirtualTable
            label="Records"
            rows={traces}
            rowKey={traceKey}
            columns={columns}
            href={hrefOf}
            toolbar={
              <Button
                variant="default"
                disabled={!hasNextPage}
                loading={isFetchingNextPage}
                onClick={() => void fetchNextPage()}
              >
                Load older
              </Button>
            }
            empty={<p>Nothing was recorded that fits. Choose a longer time, or fewer filters.</p>}
          />
        </div>
      )}
      <TraceDrawer trace={traces?.find((trace) => traceKey(trace) === id)} onClose={close} />
    </PageBody>
  );
}
