import type { Deployment } from "../../../gen/ts/deploy/v1/deployment_pb.js";
import type { Session } from "../../session.js";
import { deploymentResource } from "../deployments.js";
import { given } from "../given.js";

/** Prints a deployment after a change: as the answer has it, or anew when the change is made by now. */
export async function showChanged(
  session: Session,
  answered: Deployment | undefined,
  isSettled: boolean,
): Promise<void> {
  if (answered === undefined) return;
  const environment = answered.environment === "" ? undefined : answered.environment;
  const shown = isSettled ? await deploymentResource.get(session, answered.uuid, given({ environment })) : answered;
  if (shown !== undefined) await session.out.one(deploymentResource.kind, shown);
}
