import { DomainError } from "../../../errors.js";
import { refusedAddressCode } from "../../../kube/addresses.js";
import { KubeError, untrusted } from "../../../kube/errors.js";
import { isRecord } from "../../../record.js";

const longest = 500;

/** What failed at a target, for its people. Nothing of what it answered: that may be the answer of something else. */
export function failureMessage(error: unknown): string {
  if (error instanceof DomainError) return error.message.slice(0, longest);
  if (error instanceof DOMException) return "the platform has no access to the cluster in time: it is tried again";
  if (!(error instanceof KubeError)) return "Slipway failed to look at it: it is tried again";
  if (error.kind === "timeout") return "the API server does not answer in time";
  if (error.kind === "malformed") return "what answers is no Kubernetes API server: check the URL in the kubeconfig";
  if (error.kind === "status") return statusMessage(error.code);
  return connectionMessage(error);
}

function statusMessage(code: number): string {
  if (code === 401) return "the API server does not accept the credentials (401): give a new kubeconfig";
  if (code === 403) return "the API server forbids what Slipway needs (403): see GetJoinConfig for the rights";
  if (code === 429) return "the API server is overloaded (429): it is tried again";
  if (code >= 300 && code < 400) {
    return `the API server answers with a redirect (${code}), which is not followed: give its own URL`;
  }
  if (code >= 500) return `the API server fails (${code}): it is tried again`;
  return `what answers is no Kubernetes API server (${code}): check the URL in the kubeconfig`;
}

function connectionMessage(error: KubeError): string {
  const code = isRecord(error.cause) && typeof error.cause.code === "string" ? error.cause.code : "";
  if (code === refusedAddressCode) return "the API server has an address that may not be called from here";
  if (untrusted(error)) {
    return `the certificate of the API server is not trusted (${code}): check the authority in the kubeconfig`;
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the name of the API server cannot be resolved";
  if (code === "ECONNREFUSED") return "nothing listens at the address of the API server";
  if (code === "ECONNRESET" || code === "EPIPE") return "the API server breaks connections off";
  return "the API server cannot be reached";
}
