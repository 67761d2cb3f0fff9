import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { DeploymentSchema, DeploymentServiceWatchRequest } from "../../../../gen/ts/deploy/v1/deployment_pb.js";
import { DomainError } from "../../../errors.js";
import type { Platform } from "../../../platform.js";
import { projectStore } from "../../api/project/store.js";
import { followResumably, parseResumeToken, type ResumableOptions, resumeToken } from "../resume.js";
import { foundDeployment } from "../task/store.js";
import { type DeploymentRow, deploymentStore } from "./store.js";
import { deploymentMessages } from "./views.js";

/** A deployment with what is shown of it, read together. */
interface Seen {
  readonly row: DeploymentRow;
  readonly message: MessageInitShape<typeof DeploymentSchema>;
}

/** Streams the deployments that a request names, or the one, until the caller leaves or that one is deleted. */
export function watchDeployments(platform: Platform) {
  return async function* watch(request: DeploymentServiceWatchRequest, { signal }: HandlerContext) {
    const { project, environment, deployment } = request;
    const { horizon: since } = parseResumeToken(request.resumeToken);
    await foundDeployment(platform.db, { project, environment, deployment });
    if ((await projectStore.get(platform.db, project)) === undefined) {
      throw new DomainError("missing", `project ${project} does not exist`);
    }
    // Whoever comes back may have been told of those that are deleted by now.
    const told = new Set<string>();
    const options = optionsOf(platform, request);
    for await (const { row: seen, horizon } of followResumably(options, since, signal)) {
      const { row, message } = seen;
      const isGone = row.deletedAt !== null;
      const isKnown = told.has(row.id) || since > 0n || deployment !== "";
      if (isGone && !isKnown) continue;
      if (isGone) told.delete(row.id);
      else told.add(row.id);
      yield { deployment: message, resumeToken: resumeToken(horizon) };
      if (isGone && deployment !== "") return;
    }
  };
}

function optionsOf(platform: Platform, request: DeploymentServiceWatchRequest): ResumableOptions<Seen> {
  const { db, feed } = platform;
  const { environment, deployment } = request;
  // The feed names rows as the database writes uuids.
  const [project, id] = [request.project.toLowerCase(), deployment.toLowerCase()];
  const key = { project, environment, id: id === "" ? undefined : id };
  return {
    feed,
    topic: "deployment",
    async read(from, limit) {
      const { rows, horizon } = await deploymentStore.changedSince(db, key, from, limit);
      const messages = await deploymentMessages(platform, db, rows);
      return { rows: rows.map((row, i) => ({ row, message: messages[i] ?? {} })), horizon };
    },
    concerns: (change) => change.scope === project && (id === "" || change.key === id),
    idOf: ({ row }) => row.id,
    changedXidOf: ({ row }) => BigInt(row.changedXid),
    revisionOf: ({ row }) => row.revision,
  };
}
