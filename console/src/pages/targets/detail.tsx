import { useQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { Link, useLocation, useParams } from "wouter";
import { ConnectionState, type Target, TargetService } from "../../../../gen/ts/deploy/v1/target_pb.js";
import { useProject } from "../../app/project.js";
import { Icon } from "../../kit/icons.js";
import { KeyValue, Page as PageBody, PageHeader, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { StatusBadge } from "../../kit/status-badge.js";
import { Ago } from "../../kit/time.js";
import { TextLink } from "../deployments/text-link.js";
import { Namespaces } from "./namespaces.js";
import { TargetMenu } from "./target-menu.js";
import { connectionOf, targetHealth } from "./target-state.js";
import classes from "./targets.module.css";

/** A target: whether it can be reached, its namespaces, routers and nodes. */
export function Page() {
  const { uuid: project } = useProject();
  const { target: uuid = "" } = useParams();
  const [, navigate] = useLocation();
  const { data, error, refetch } = useQuery(
    TargetService.method.get,
    { project, uuid },
    // Right after it was made one waits for its connection.
    { refetchInterval: ({ state }) => (state.data?.target?.connection === ConnectionState.CONNECTED ? 10_000 : 1_500) },
  );
  const target = data?.target;
  const list = `/projects/${project}/targets`;
  return (
    <PageBody>
      <PageHeader
        title={target?.name ?? "Target"}
        parents={[{ label: "Targets", href: list }]}
        badge={
          target && (
            <StatusBadge tone={connectionOf(target.connection).tone}>
              {connectionOf(target.connection).text}
            </StatusBadge>
          )
        }
      >
        {target !== undefined && (
          <>
            <Button
              component={Link}
              href={`${list}/${uuid}/edit`}
              variant="default"
              leftSection={<Icon name="edit" size={14} />}
            >
              Change
            </Button>
            <TargetMenu target={target} onDeleted={() => navigate(list)} />
          </>
        )}
      </PageHeader>
      {error !== null && target === undefined && (
        <Problem error={error} what="The target could not be read" onRetry={() => void refetch()} />
      )}
      {target !== undefined && (
        <>
          <Facts target={target} />
          <Namespaces target={target} />
          <Routers target={target} />
          {target.connection !== ConnectionState.PENDING && <Nodes target={target} />}
        </>
      )}
    </PageBody>
  );
}

function Facts({ target }: { target: Target }) {
  const { connectionMessage, health, healthMessage, kubernetesVersion, server, cluster, project, capabilities } =
    target;
  const others = Object.entries(capabilities).filter(([name]) => name !== "kubernetes");
  return (
    <Section title="Target">
      <KeyValue
        items={[
          ["Connection", connectionMessage === "" ? connectionOf(target.connection).text : connectionMessage],
          [
            "Health",
            <StatusBadge key="health" tone={targetHealth(health).tone}>
              {targetHealth(health).text}
            </StatusBadge>,
          ],
          ...(healthMessage === "" ? [] : [["Why", healthMessage] as const]),
          ["Kubernetes", kubernetesVersion || "–"],
          ["API server", server || "–"],
          [
            "Cluster",
            cluster === "" ? (
              "Foreign"
            ) : (
              <Link key="cluster" href={`/projects/${project}/clusters/${cluster}`}>
                Of the project
              </Link>
            ),
          ],
          ["Answered", <Ago key="seen" at={target.lastSeenAt} none="Never" />],
          ["It also has", others.map(([name, version]) => `${name} ${version}`).join(", ") || "–"],
        ]}
      />
    </Section>
  );
}

function Routers({ target: { routers, project, uuid } }: { target: Target }) {
  return (
    <Section title="Routers">
      {routers.length === 0 ? (
        <span>
          None. Hostnames of deployments need one:{" "}
          <TextLink href={`/projects/${project}/targets/${uuid}/edit`}>add it</TextLink>.
        </span>
      ) : (
        <div className={classes.tableBox}>
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Class</th>
                <th scope="col">Domain</th>
                <th scope="col">Certificates</th>
                <th scope="col">Default</th>
              </tr>
            </thead>
            <tbody>
              {routers.map(({ name, ingressClass, domain, tlsSecret, clusterIssuer, isDefault }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td>{ingressClass || "–"}</td>
                  <td>{domain || "–"}</td>
                  <td>
                    {tlsSecret === "" ? (clusterIssuer === "" ? "None" : `By ${clusterIssuer}`) : `Secret ${tlsSecret}`}
                  </td>
                  <td>{isDefault ? "Yes" : ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Nodes({ target: { project, uuid } }: { target: Target }) {
  const { data, error } = useQuery(
    TargetService.method.listNodes,
    { project, uuid },
    { refetchInterval: 30_000, retry: false },
  );
  return (
    <Section title="Nodes">
      {error !== null && data === undefined ? (
        <Problem error={error} what="The nodes are not known" />
      ) : (
        <div className={classes.tableBox}>
          <table className={classes.table} aria-busy={data === undefined}>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">State</th>
                <th scope="col">Processors</th>
                <th scope="col">Memory</th>
                <th scope="col">Kubelet</th>
                <th scope="col">Created</th>
              </tr>
            </thead>
            <tbody>
              {data?.nodes.map(({ name, ready, schedulable, allocatable, kubeletVersion, createdAt }) => (
                <tr key={name}>
                  <td>{name}</td>
                  <td>
                    <StatusBadge tone={ready ? (schedulable ? "good" : "warn") : "bad"}>
                      {ready ? (schedulable ? "Ready" : "Closed to new pods") : "Not ready"}
                    </StatusBadge>
                  </td>
                  <td>{allocatable.cpu ?? "–"}</td>
                  <td>{allocatable.memory ?? "–"}</td>
                  <td>{kubeletVersion}</td>
                  <td>
                    <Ago at={createdAt} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}
