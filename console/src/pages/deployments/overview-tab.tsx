import { useQuery } from "@connectrpc/connect-query";
import { Link } from "wouter";
import { type Deployment, DeploymentService } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { useProject } from "../../app/project.js";
import { CopyButton } from "../../kit/copy-button.js";
import { KeyValue, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { DateTime } from "../../kit/time.js";
import classes from "./detail.module.css";
import { Instances } from "./instances.js";
import { Processes } from "./processes.js";
import { sourceText } from "./state.js";
import { TextLink } from "./text-link.js";
import { usePlaces } from "./use-places.js";

/** How a deployment is: what runs, where, and how it is reached. */
export function OverviewTab({ deployment }: { deployment: Deployment }) {
  return (
    <>
      <Facts deployment={deployment} />
      {deployment.processes.length > 0 && <Processes deployment={deployment} />}
      <Instances deployment={deployment} />
      <Connection deployment={deployment} />
    </>
  );
}

function Facts({ deployment }: { deployment: Deployment }) {
  const { uuid: project } = useProject();
  const { nameOf } = usePlaces(project);
  const { source, environment, target, namespace, activeRelease, reported, labels } = deployment;
  return (
    <Section title="Deployment">
      <KeyValue
        items={[
          ["Source", <Copied key="source" text={sourceText(source)} label="Copy the source" />],
          ["Release", activeRelease === 0 ? "None is active yet" : String(activeRelease)],
          [
            "Environment",
            <Link key="environment" href={`/projects/${project}/environments/${environment}`}>
              {nameOf(environment)}
            </Link>,
          ],
          [
            "Target",
            <Link key="target" href={`/projects/${project}/targets/${target}`}>
              {nameOf(target)}
            </Link>,
          ],
          ["Namespace", nameOf(namespace)],
          ["Objects are called", deployment.objectName],
          ["Automatic rollback", deployment.autoRollback?.enabled ? "On" : "Off"],
          [
            "Labels",
            Object.entries(labels)
              .map(([key, value]) => `${key}=${value}`)
              .join(", ") || "–",
          ],
          ["Created", <DateTime key="created" at={deployment.createdAt} />],
          ...(deployment.description === "" ? [] : [["What for", deployment.description] as const]),
          ...(reported === "" ? [] : [["It says of itself", reported] as const]),
        ]}
      />
    </Section>
  );
}

function Copied({ text, label }: { text: string; label: string }) {
  return (
    <span className={classes.copied}>
      <span className={classes.mono}>{text}</span>
      <CopyButton text={text} label={label} />
    </span>
  );
}

/** URLs, and names inside of the cluster. */
function Connection({ deployment: { project, uuid } }: { deployment: Deployment }) {
  const { data, error, refetch } = useQuery(
    DeploymentService.method.getConnectionInfo,
    { project, deployment: uuid },
    { refetchInterval: 15_000 },
  );
  if (error !== null && data === undefined)
    return <Problem error={error} what="How it is reached cannot be read" onRetry={() => void refetch()} />;
  const urls = data?.urls ?? [];
  return (
    <Section title="How it is reached">
      <div className={classes.tableBox}>
        <table className={classes.table} aria-busy={data === undefined}>
          <tbody>
            <tr>
              <th scope="row">From outside</th>
              <td>
                <Addresses addresses={urls} />
                {urls.length === 0 && (
                  <span>
                    No hostname yet: <TextLink href="?tab=routes">add one</TextLink>
                  </span>
                )}
              </td>
            </tr>
            <tr>
              <th scope="row">In the cluster</th>
              <td>
                <Addresses addresses={(data?.endpoints ?? []).map(({ host, port }) => `${host}:${port}`)} />
              </td>
            </tr>
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Addresses({ addresses }: { addresses: readonly string[] }) {
  return (
    <ul className={classes.list}>
      {addresses.map((address) => (
        <li key={address} className={classes.copied}>
          {address.startsWith("http") ? (
            <a href={address} target="_blank" rel="noreferrer">
              {address}
            </a>
          ) : (
            <span className={classes.mono}>{address}</span>
          )}
          <CopyButton text={address} label={`Copy ${address}`} />
        </li>
      ))}
    </ul>
  );
}
