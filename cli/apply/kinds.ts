import type { DescService, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Session } from "../session.js";
import { deploymentState, scaleDeployment } from "./deployment.js";
import { kubeconfigFromFile, secretFromText, secretState, targetState } from "./secrets.js";

/** How things of a kind are made, changed and compared. Most of it follows from the messages of the service. */
export interface ManifestKind {
  readonly kind: string;
  readonly service: () => Promise<DescService>;
  /** The method that makes one; create unless told. */
  readonly create?: "allocate";
  /** The field of Update and Delete that says which one; uuid unless told. */
  readonly id?: "deployment" | "project";
  /** What tells those of one name apart: the value of a field that is not given, or undefined when any will do. */
  readonly scope?: Readonly<Record<string, string | undefined>>;
  /** Fields that name other things, which may be given by name: their kind, by path. */
  readonly references?: Readonly<Record<string, string>>;
  /** Lists to which others may add: what is not named in the file stays. */
  readonly partial?: readonly string[];
  /** Fields that only say how something is made. */
  readonly onlyCreates?: readonly string[];
  /** Fields whose change cannot be taken back. */
  readonly irreversible?: readonly string[];
  /** Fields that only files have, and what becomes of them. */
  readonly shorthands?: Readonly<Record<string, Shorthand>>;
  /** What is there beside what List answers. */
  readonly state?: ReadState;
  /** How an Update is asked for, where it takes the whole thing. */
  readonly update?: (item: JsonObject, changes: JsonObject) => JsonObject;
  /** Fields that another method than Update changes. */
  readonly separately?: Readonly<Record<string, ChangeSeparately>>;
}

/**
 * Reads what List does not answer. What cannot be read, such as passwords, counts as the same as what is wanted,
 * unless it is to be sent again.
 */
export type ReadState = (
  session: Session,
  item: JsonObject,
  wanted: JsonObject,
  resend: boolean,
) => Promise<JsonObject>;

/** Turns a field of a file into fields of the request; throws an error that says what is wrong. */
export type Shorthand = (value: JsonValue, folder: string) => JsonObject | Promise<JsonObject>;

/** Changes one field; answers what the method answers. */
export type ChangeSeparately = (session: Session, item: JsonObject, wanted: JsonValue) => Promise<JsonObject>;

/** All kinds, in the order in which they are made. */
export const manifestKinds: readonly ManifestKind[] = [
  {
    kind: "Project",
    service: async () => (await import("../../gen/ts/api/v1/project_pb.js")).ProjectService,
    id: "project",
    onlyCreates: ["login"],
  },
  {
    kind: "Cluster",
    service: async () => (await import("../../gen/ts/api/v1/cluster_pb.js")).ClusterService,
    partial: ["workers"],
    irreversible: ["kubernetes"],
  },
  {
    kind: "IP",
    service: async () => (await import("../../gen/ts/api/v1/ip_pb.js")).IPService,
    create: "allocate",
    irreversible: ["static"],
    state: async (_session, item) => ({ static: item.type === "IP_TYPE_STATIC" }),
    update: ({ static: _static, ...ip }, { static: isStatic, ...changes }) => {
      const type = isStatic === undefined ? {} : { type: isStatic === true ? "IP_TYPE_STATIC" : "IP_TYPE_EPHEMERAL" };
      return { ip: { ...ip, ...changes, ...type } };
    },
  },
  {
    kind: "Environment",
    service: async () => (await import("../../gen/ts/deploy/v1/environment_pb.js")).EnvironmentService,
  },
  {
    kind: "Target",
    service: async () => (await import("../../gen/ts/deploy/v1/target_pb.js")).TargetService,
    references: { cluster: "Cluster" },
    irreversible: ["kubeconfig"],
    state: targetState,
    shorthands: { kubeconfigFile: kubeconfigFromFile },
  },
  {
    kind: "Namespace",
    service: async () => (await import("../../gen/ts/deploy/v1/namespace_pb.js")).NamespaceService,
    scope: { target: undefined },
    references: { target: "Target" },
    onlyCreates: ["adopt"],
  },
  {
    kind: "Secret",
    service: async () => (await import("../../gen/ts/deploy/v1/secret_pb.js")).SecretService,
    scope: { environment: "", collection: "" },
    references: { environment: "Environment" },
    irreversible: ["data"],
    shorthands: { stringData: secretFromText },
    state: secretState,
  },
  {
    kind: "VolumeClaim",
    service: async () => (await import("../../gen/ts/deploy/v1/volume_claim_pb.js")).VolumeClaimService,
    scope: { environment: undefined, namespace: undefined },
    references: { environment: "Environment", namespace: "Namespace" },
    irreversible: ["size"],
  },
  {
    kind: "Deployment",
    service: async () => (await import("../../gen/ts/deploy/v1/deployment_pb.js")).DeploymentService,
    id: "deployment",
    scope: { environment: undefined },
    references: {
      environment: "Environment",
      target: "Target",
      namespace: "Namespace",
      "source.image.registrySecret": "Secret",
      "source.chart.registrySecret": "Secret",
      "processes.mounts.volumeClaim": "VolumeClaim",
      "config.setVariables.secret.secret": "Secret",
      "config.setSecretMounts.secret": "Secret",
    },
    onlyCreates: ["options"],
    partial: ["scale", "config"],
    state: deploymentState,
    separately: { scale: scaleDeployment },
  },
];

/** The kind of that name; undefined when there is none. */
export function kindNamed(name: string): ManifestKind | undefined {
  return manifestKinds.find(({ kind }) => kind === name);
}
