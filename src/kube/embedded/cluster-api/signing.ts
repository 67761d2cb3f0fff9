// The certificate library wants this polyfill to be there before it.
import "reflect-metadata";

import { PemConverter, Pkcs10CertificateRequest } from "@peculiar/x509";
import type { EmbeddedKube, KubeLog, VirtualCluster } from "../embedded-kube.js";
import type { AdmissionRequest, ApiExtension } from "../extension.js";
import { asFields, asList, asNumber, asText } from "../fields.js";
import { forbidden, invalid, type StatusCause } from "../status-error.js";
import type { KubeObject } from "../types.js";
import { signingRequests, virtualPrefix } from "./types.js";

const signerName = "kubernetes.io/kube-apiserver-client";
const kind = "CertificateSigningRequest";
const shortestSeconds = 600;
const usualSeconds = 365 * 24 * 3600;

/** Serves requests for certificates in the clusters of this simulator. */
export const signingExtension: ApiExtension = {
  resources: [
    {
      ...signingRequests,
      version: "v1",
      kind,
      namespaced: false,
      status: true,
      statusParts: ["approval"],
      shortNames: ["csr"],
      columns: [
        { name: "SignerName", type: "string", jsonPath: ".spec.signerName" },
        { name: "Requestor", type: "string", jsonPath: ".spec.username" },
        { name: "Condition", type: "string", jsonPath: ".status.conditions[*].type" },
      ],
    },
  ],
  appliesTo: (cluster) => cluster.startsWith(virtualPrefix),
  admit: (request) => {
    const { group, resource } = request.type;
    if (group === signingRequests.group && resource === signingRequests.resource) admit(request);
  },
};

function admit({ operation, object, previous, subresource, type, user }: AdmissionRequest): void {
  if (operation === "delete") return;
  if (previous !== undefined) {
    // What was asked for does not change any more, and only the approval path approves.
    object.spec = structuredClone(previous.spec ?? {});
    if (subresource === "status") {
      object.status = { ...object.status, conditions: structuredClone(asList(previous.status?.conditions)) };
    }
    return;
  }
  const causes = faultsOf(object);
  if (causes.length > 0) throw invalid(signingRequests.group, kind, object.metadata.name, causes);
  const taken = groupsOf(object).find((group) => group === "system:masters" || group.startsWith("cluster:"));
  if (taken !== undefined) {
    throw forbidden(type, object.metadata.name, `use of ${signerName} signer with ${taken} group is not allowed`);
  }
  object.spec = { ...object.spec, username: user.name, groups: [...user.groups] };
}

function faultsOf(object: KubeObject): StatusCause[] {
  const { signerName: signer, request, expirationSeconds = shortestSeconds } = asFields(object.spec);
  const causes: StatusCause[] = [];
  const report = (field: string, message: string) => causes.push({ reason: "FieldValueInvalid", field, message });
  if (asText(signer) !== signerName) report("spec.signerName", `Unsupported value: this simulator knows ${signerName}`);
  if (!(asNumber(expirationSeconds) >= shortestSeconds)) {
    report("spec.expirationSeconds", `Invalid value: may not specify a duration less than ${shortestSeconds} seconds`);
  }
  if (requestOf(asText(request)) === undefined)
    report("spec.request", "Invalid value: must be a PKCS #10 request in PEM");
  return causes;
}

const pemOf = (object: KubeObject) => Buffer.from(asText(object.spec?.request), "base64").toString("utf8");

function requestOf(encoded: string): Pkcs10CertificateRequest | undefined {
  try {
    return new Pkcs10CertificateRequest(PemConverter.decodeFirst(Buffer.from(encoded, "base64").toString("utf8")));
  } catch {
    return undefined;
  }
}

function groupsOf(object: KubeObject): string[] {
  return requestOf(asText(object.spec?.request))?.subjectName.getField("O") ?? [];
}

/** Signs what is approved in one cluster, until the returned function is called. */
export function startSigner(embedded: EmbeddedKube, { name: cluster, store }: VirtualCluster, log: KubeLog) {
  const meet = (object: KubeObject): void => {
    if (!isDue(object)) return;
    sign(embedded, cluster, object)
      .then((status) =>
        store.patchStatus({ ...signingRequests, name: object.metadata.name }, (draft) => {
          if (isDue(draft)) draft.status = { ...draft.status, ...status(draft) };
        }),
      )
      .catch((error: unknown) => log.error({ err: error, cluster }, "a certificate was not signed"));
  };
  const unwatch = store.watch(signingRequests, ({ type, object }) => {
    if (type !== "DELETED") meet(object);
  });
  store.list(signingRequests).forEach(meet);
  return unwatch;
}

/** Approved, not refused, and not signed yet. */
function isDue({ status }: KubeObject): boolean {
  const has = (type: string) => asList(status?.conditions).some((one) => one.type === type && one.status === "True");
  return has("Approved") && !has("Denied") && !has("Failed") && !status?.certificate;
}

async function sign(embedded: EmbeddedKube, cluster: string, object: KubeObject) {
  const seconds = Math.min(usualSeconds, asNumber(object.spec?.expirationSeconds ?? usualSeconds));
  try {
    // All clusters share one authority: the group says for which of them the certificate is.
    const pem = await embedded.signRequest(pemOf(object), [`cluster:${cluster}`], seconds);
    return () => ({ certificate: Buffer.from(pem).toString("base64") });
  } catch (error) {
    const failed = { type: "Failed", status: "True", reason: "SignerValidationFailure", message: String(error) };
    return ({ status }: KubeObject) => ({ conditions: [...asList(status?.conditions), failed] });
  }
}
