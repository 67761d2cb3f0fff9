import { DomainError } from "../../../errors.js";
import { conflict, KubeError, notFound, transient } from "../../../kube/errors.js";

const longestReason = 300;

/** What a failed call to Gardener means to Slipway; everything but a KubeError is left as it is. */
export function domainError(error: unknown): unknown {
  if (!(error instanceof KubeError)) return error;
  const options = { cause: error, ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }) };
  if (transient(error)) return new DomainError("unavailable", "the cluster backend does not answer", options);
  if (notFound(error)) return new DomainError("missing", "the cluster does not exist at its backend", options);
  if (conflict(error)) return new DomainError("conflict", "the cluster was changed at its backend meanwhile", options);
  if (error.code === 401 || (error.code === 403 && !isRefusal(error))) {
    return new DomainError("unavailable", "the cluster backend does not let Slipway do this", options);
  }
  return new DomainError("precondition", `the cluster backend refuses this: ${reasonOf(error)}`, options);
}

/** Whether a rule of Gardener, such as a quota, forbids what is asked; any other 403 is a right that Slipway lacks. */
const isRefusal = ({ reason, message }: KubeError): boolean =>
  reason === "Forbidden" && !/\bcannot \w+ resource\b/.test(message);

/** Runs calls to Gardener and translates what they throw. */
export async function translated<R>(run: () => Promise<R>): Promise<R> {
  try {
    return await run();
  } catch (error) {
    throw domainError(error);
  }
}

/** Fields and faults as the server names them; what Slipway sends to these calls holds no secret. */
function reasonOf(error: KubeError): string {
  const causes = error.details.map(({ field, message }) => [field, message].filter(Boolean).join(": "));
  return (causes.length > 0 ? causes.join("; ") : error.message).slice(0, longestReason);
}
