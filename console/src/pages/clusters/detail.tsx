import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Alert, Anchor, Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useLocation, useParams } from "wouter";
import type { Cluster, ClusterStatus, Maintenance } from "../../../../gen/ts/api/v1/cluster_pb.js";
import { useProject } from "../../app/project.js";
import { CopyButton } from "../../kit/copy-button.js";
import { Icon } from "../../kit/icons.js";
import { KeyValue, Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Progress } from "../../kit/progress.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago, DateTime } from "../../kit/time.js";
import { LiveDot } from "../../kit/use-watch.js";
import { ClusterMenu } from "./cluster-menu.js";
import classes from "./detail.module.css";
import { KubeconfigButton } from "./kubeconfig-button.js";
import { healthOf, isGone, phaseOf, toneOf } from "./status.js";
import { useCluster } from "./use-cluster.js";

/** One cluster, live: how it is, what it is made of, and what can be done with it. */
export function Page() {
  const { uuid: project } = useProject();
  const { cluster: uuid = "" } = useParams();
  const { cluster, error, refetch, watch } = useCluster(project, uuid);
  const [, navigate] = useLocation();
  const queryClient = useQueryClient();
  const list = `/projects/${project}/clusters`;
  const parents = [{ label: "Clusters", href: list }];
  if (cluster === undefined) {
    return (
      <PageBody>
        <PageHeader title="Cluster" parents={parents} />
        {error !== null && (
          <Problem error={error} what="The cluster could not be read" onRetry={() => void refetch()} />
        )}
      </PageBody>
    );
  }
  const { text, tone } = phaseOf(cluster.status);
  const gone = isGone(cluster.status);
  const afterDelete = () => {
    void queryClient.invalidateQueries();
    navigate(list);
  };
  return (
    <PageBody>
      <PageHeader
        title={cluster.name}
        parents={parents}
        badge={
          <>
            <StatusBadge tone={tone}>{text}</StatusBadge>
            <LiveDot watch={watch} />
          </>
        }
      >
        {!gone && (
          <>
            <KubeconfigButton cluster={cluster} />
            <Button
              component={Link}
              href={`${list}/${uuid}/edit`}
              variant="default"
              leftSection={<Icon name="edit" size={14} />}
              disabled={cluster.deletedAt !== undefined}
            >
              Change
            </Button>
            <ClusterMenu cluster={cluster} onDeleted={afterDelete} />
          </>
        )}
      </PageHeader>
      {gone && (
        <Alert variant="outline" color="var(--quiet)" icon={<Icon name="trash" />}>
          This cluster is deleted. <Link href={list}>Back to the clusters</Link>
        </Alert>
      )}
      <Operation cluster={cluster} />
      <Facts cluster={cluster} />
      <Workers cluster={cluster} />
      <Conditions status={cluster.status} />
    </PageBody>
  );
}

/** The operation that runs or ran last, and its errors; as high at rest as under way. */
function Operation({ cluster: { name, status } }: { cluster: Cluster }) {
  const { text, tone, isBusy } = phaseOf(status);
  const last = `${status?.type ?? ""} ${status?.state.toLowerCase() ?? ""}`;
  return (
    <Section title="Health">
      <div className={classes.operation}>
        <span className={classes.operationText}>{isBusy ? text : last}</span>
        <Progress value={status?.progress ?? 0} label={`Progress of ${name}`} tone={tone} />
      </div>
      <ul className={classes.health}>
        {healthOf(status).map(({ label, value }) => (
          <li key={label}>
            <span className={classes.healthLabel}>{label}</span>
            <StatusBadge tone={toneOf(value)}>{healthText(value)}</StatusBadge>
          </li>
        ))}
      </ul>
      {status?.lastErrors.map(({ description, codes, taskId, lastUpdateTime }) => (
        <Alert
          key={`${taskId} ${description}`}
          color={tone === "bad" ? "var(--bad)" : "var(--warn)"}
          variant="outline"
          icon={<Icon name="alert" />}
          title={codes.length > 0 ? codes.join(", ") : "Last error"}
        >
          <div className={classes.words}>{description}</div>
          <div className={classes.when}>
            {taskId !== undefined && `Step ${taskId} · `}
            <Ago at={lastUpdateTime} />
          </div>
        </Alert>
      ))}
    </Section>
  );
}

function healthText(value: string): string {
  return (
    { True: "Healthy", False: "Unhealthy", Progressing: "Progressing", Unknown: "Unknown" }[value] ?? "Not known yet"
  );
}

function Facts({ cluster }: { cluster: Cluster }) {
  const { monitoring } = cluster;
  return (
    <Section title="Cluster">
      <KeyValue
        items={[
          ["Kubernetes", cluster.kubernetes?.version ?? "–"],
          ["Partition", cluster.partition],
          ["Purpose", cluster.purpose ?? "–"],
          ["Created", <DateTime key="created" at={cluster.createdAt} />],
          ["Changed", <Ago key="updated" at={cluster.updatedAt} />],
          ["Maintenance", maintenanceText(cluster.maintenance)],
          [
            "Dashboards",
            monitoring === undefined ? (
              "–"
            ) : (
              <Anchor key="dashboards" href={monitoring.endpoint} target="_blank" rel="noreferrer" fz="inherit">
                Open as {monitoring.username}
              </Anchor>
            ),
          ],
          [
            "Uuid",
            <span key="uuid" className={classes.uuid}>
              {cluster.uuid}
              <CopyButton text={cluster.uuid} label="Copy the uuid" />
            </span>,
          ],
        ]}
      />
    </Section>
  );
}

function maintenanceText(maintenance: Maintenance | undefined): string {
  const { timeWindow, kubernetesAutoupdate, machineimageAutoupdate } = maintenance ?? {};
  const what = [kubernetesAutoupdate && "Kubernetes patches", machineimageAutoupdate && "operating system"].filter(
    Boolean,
  );
  if (what.length === 0) return "Nothing by itself";
  const begin = timeWindow?.begin;
  if (begin === undefined) return what.join(", ");
  const hours = Number(timeWindow?.duration?.seconds ?? 0n) / 3_600;
  return `${what.join(", ")} · ${timestampDate(begin).toISOString().slice(11, 16)} UTC for ${hours} h`;
}

function Workers({ cluster }: { cluster: Cluster }) {
  return (
    <Section title="Worker groups">
      <div className={classes.tableBox}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Machine type</th>
              <th scope="col">Machines</th>
              <th scope="col">Surge</th>
              <th scope="col">Unavailable</th>
            </tr>
          </thead>
          <tbody>
            {cluster.workers.map(({ name, machineType, minsize, maxsize, maxsurge, maxunavailable }) => (
              <tr key={name}>
                <td>{name}</td>
                <td>{machineType}</td>
                <td>{minsize === maxsize ? minsize : `${minsize}–${maxsize}`}</td>
                <td>{maxsurge}</td>
                <td>{maxunavailable}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Conditions({ status }: { status: ClusterStatus | undefined }) {
  const conditions = status?.conditions ?? [];
  return (
    <Section title="Conditions">
      <div className={classes.tableBox}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Condition</th>
              <th scope="col">Status</th>
              <th scope="col">Why</th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {conditions.map(({ type, status: value, reason, statusMessage, lastTransitionTime }) => (
              <tr key={type}>
                <td>{type}</td>
                <td>
                  <StatusBadge tone={toneOf(value)}>{value}</StatusBadge>
                </td>
                <td className={classes.words}>{statusMessage === "" ? reason : statusMessage}</td>
                <td className={classes.nowrap}>
                  <Ago at={lastTransitionTime} />
                </td>
              </tr>
            ))}
            {conditions.length === 0 && (
              <tr>
                <td colSpan={4}>Nothing is known yet.</td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
