import { asFields, asNumber, asText } from "../../fields.js";
import { timestamp } from "../../lifecycle.js";
import type { KubeObject, ResourceName } from "../../types.js";
import { type Controller, keyOf } from "../controller.js";
import { asks, secrets } from "../names.js";
import { conditionOf, durationOf, isDying, type NewCondition, refTo, withoutCondition } from "../objects.js";
import type { World } from "../world.js";
import { certificates, clusterIssuers, issuers } from "./definitions.js";
import { conditionsWith } from "./flux-sources.js";
import { selfSigned } from "./self-signed.js";

const issuingTakes = 3000;
const standardDays = 90;
const dayMs = 24 * 3_600_000;
const notes = { name: "cert-manager.io/certificate-name", names: "cert-manager.io/alt-names" };

/** Issues certificates, signed by themselves, whichever kind of issuer they name. */
export const certificateControllers: readonly Controller[] = [
  issuerController(issuers),
  issuerController(clusterIssuers),
  {
    resource: certificates,
    triggers: [
      { resource: issuers, keys: (_, { store }) => store.list(certificates).map(keyOf) },
      { resource: clusterIssuers, keys: (_, { store }) => store.list(certificates).map(keyOf) },
      {
        resource: secrets,
        keys: ({ object }) => {
          const name = object.metadata.annotations?.[notes.name];
          return name === undefined ? [] : [`${object.metadata.namespace}/${name}`];
        },
      },
    ],
    gone: ({ metadata }, { waits }) => waits.forget(metadata.uid),
    reconcile: settle,
  },
];

function issuerController(resource: ResourceName): Controller {
  return {
    resource,
    async reconcile(issuer, { store, clock }) {
      if (isDying(issuer)) return undefined;
      const { acme, ca } = issuer.spec ?? {};
      const reason = acme !== undefined ? "ACMEAccountRegistered" : ca !== undefined ? "KeyPairVerified" : "IsReady";
      const message = acme !== undefined ? "The ACME account was registered with the ACME server" : "";
      const ready = { type: "Ready", status: "True", reason, message } as const;
      await store.patchStatus(refTo(resource, issuer), (draft) => {
        draft.status = { ...draft.status, conditions: conditionsWith(draft, [ready], clock()) };
      });
      return undefined;
    },
  };
}

function namesOf({ spec = {} }: KubeObject): string[] {
  const names = Array.isArray(spec.dnsNames) ? spec.dnsNames.map(asText) : [];
  const common = asText(spec.commonName);
  return [...new Set(common === "" ? names : [common, ...names])];
}

/** Why a certificate has to be issued; undefined when the Secret holds it. */
function reasonToIssue(
  certificate: KubeObject,
  { store, clock }: World,
): { reason: string; message: string } | undefined {
  const { namespace } = certificate.metadata;
  const secret = store.get({ ...secrets, namespace, name: asText(certificate.spec?.secretName) });
  if (secret === undefined || asFields(secret.data)["tls.crt"] === undefined) {
    return { reason: "DoesNotExist", message: "Issuing certificate as Secret does not exist" };
  }
  if (secret.metadata.annotations?.[notes.names] !== namesOf(certificate).join(",")) {
    return {
      reason: "SecretMismatch",
      message: "Issuing certificate as Existing issued Secret is not up to date for spec",
    };
  }
  const renewal = Date.parse(asText(certificate.status?.renewalTime));
  if (renewal > clock().getTime()) return undefined;
  return { reason: "Renewing", message: "Renewing certificate as renewal was scheduled" };
}

async function settle(certificate: KubeObject, world: World): Promise<number | undefined> {
  if (isDying(certificate)) return undefined;
  const why = reasonToIssue(certificate, world);
  const { waits, clock } = world;
  const { uid } = certificate.metadata;
  if (why === undefined) {
    waits.forget(uid);
    const message = "Certificate is up to date and has not expired";
    await write(certificate, world, [{ type: "Ready", status: "True", reason: "Ready", message }]);
    const renewal = Date.parse(asText(certificate.status?.renewalTime)) - clock().getTime();
    return Math.min(renewal + 1, dayMs) * world.timeScale;
  }
  const issuing: NewCondition = { type: "Issuing", status: "True", ...why };
  const known = issuerOf(certificate, world);
  if (certificate.metadata.annotations?.[asks.fault] === "issue-error")
    return await refuse(certificate, world, why.reason);
  await write(certificate, world, [{ type: "Ready", status: "False", ...why }, issuing]);
  if (!known) return undefined;
  const left = issuingTakes - waits.waited(uid, JSON.stringify([why, namesOf(certificate)]));
  if (left > 0) return left + 1;
  await issue(certificate, world);
  return undefined;
}

function issuerOf({ metadata, spec }: KubeObject, { store }: World): boolean {
  const { kind, name } = asFields(spec?.issuerRef);
  const ref = kind === "ClusterIssuer" ? clusterIssuers : { ...issuers, namespace: metadata.namespace };
  return conditionOf(store.get({ ...ref, name: asText(name) }), "Ready")?.status === "True";
}

async function refuse(certificate: KubeObject, world: World, reason: string): Promise<undefined> {
  const message = "The certificate request has failed to complete and will be retried: the order is in state errored";
  await write(certificate, world, [
    { type: "Ready", status: "False", reason, message: "Issuing certificate as Secret does not exist" },
    { type: "Issuing", status: "False", reason: "Failed", message },
  ]);
  return undefined;
}

async function issue(certificate: KubeObject, world: World): Promise<void> {
  const { store, clock, events } = world;
  const { name, namespace = "default" } = certificate.metadata;
  const names = namesOf(certificate);
  const lifetime = durationOf(asText(certificate.spec?.duration) || undefined) ?? standardDays * dayMs;
  const made = await selfSigned(names, lifetime, clock());
  const secretName = asText(certificate.spec?.secretName);
  const { kind, name: issuer } = asFields(certificate.spec?.issuerRef);
  const before = durationOf(asText(certificate.spec?.renewBefore) || undefined) ?? lifetime / 3;
  await store.patchStatus(refTo(certificates, certificate), (draft) => {
    draft.status = {
      ...draft.status,
      notBefore: timestamp(made.notBefore),
      notAfter: timestamp(made.notAfter),
      renewalTime: timestamp(new Date(made.notAfter.getTime() - before)),
      revision: asNumber(draft.status?.revision) + 1,
    };
  });
  const encoded = (text: string) => Buffer.from(text).toString("base64");
  const data = {
    "tls.crt": encoded(made.certificate),
    "tls.key": encoded(made.key),
    "ca.crt": encoded(made.certificate),
  };
  const annotations = {
    [notes.name]: name,
    [notes.names]: names.join(","),
    "cert-manager.io/issuer-name": asText(issuer),
    "cert-manager.io/issuer-kind": asText(kind) || "Issuer",
  };
  const found = await store.modify({ ...secrets, namespace, name: secretName }, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
    draft.data = { ...asFields(draft.data), ...data };
  });
  if (found === undefined) {
    await store.create(secrets, {
      metadata: { name: secretName, namespace, annotations },
      type: "kubernetes.io/tls",
      data,
    });
  }
  const message = "The certificate has been successfully issued";
  events.record(certificate, {
    type: "Normal",
    reason: "Issuing",
    message,
    component: "cert-manager-certificates-issuing",
  });
}

async function write(
  certificate: KubeObject,
  { store, clock }: World,
  conditions: readonly NewCondition[],
): Promise<void> {
  await store.patchStatus(refTo(certificates, certificate), (draft) => {
    const all = conditionsWith(draft, conditions, clock());
    const isReady = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    draft.status = { ...draft.status, conditions: isReady ? withoutCondition(all, "Issuing") : all };
  });
}
