/** How one field of a message is read; "skip" is for what a client has no say in. */
export type ProtoField =
  | "string"
  | "int"
  | "bool"
  | "bytes"
  | "intOrString"
  | "skip"
  | { readonly list: ProtoField }
  | { readonly map: ProtoField }
  | { readonly message: ProtoMessage };

/** The fields of a message by number: the JSON name and how it is read. */
export type ProtoMessage = Readonly<Record<number, readonly [name: string, field: ProtoField]>>;

const texts: ProtoField = { list: "string" };
const textMap: ProtoField = { map: "string" };

const metadata: ProtoField = {
  message: {
    1: ["name", "string"],
    2: ["generateName", "string"],
    3: ["namespace", "string"],
    5: ["uid", "skip"],
    6: ["resourceVersion", "string"],
    8: ["creationTimestamp", "skip"],
    11: ["labels", textMap],
    12: ["annotations", textMap],
    14: ["finalizers", texts],
    17: ["managedFields", "skip"],
  },
};

const labelSelector: ProtoField = { message: { 1: ["matchLabels", textMap] } };

const environment: ProtoField = { message: { 1: ["name", "string"], 2: ["value", "string"] } };

const containerPort: ProtoField = {
  message: {
    1: ["name", "string"],
    2: ["hostPort", "skip"],
    3: ["containerPort", "int"],
    4: ["protocol", "string"],
  },
};

const container: ProtoField = {
  message: {
    1: ["name", "string"],
    2: ["image", "string"],
    3: ["command", texts],
    4: ["args", texts],
    5: ["workingDir", "string"],
    6: ["ports", { list: containerPort }],
    7: ["env", { list: environment }],
    14: ["imagePullPolicy", "string"],
  },
};

const podTemplate: ProtoField = {
  message: {
    1: ["metadata", metadata],
    2: [
      "spec",
      {
        message: {
          2: ["containers", { list: container }],
          3: ["restartPolicy", "string"],
          8: ["serviceAccountName", "string"],
        },
      },
    ],
  },
};

const deploymentSpec: ProtoField = {
  message: {
    1: ["replicas", "int"],
    2: ["selector", labelSelector],
    3: ["template", podTemplate],
    4: ["strategy", { message: { 1: ["type", "string"] } }],
  },
};

const jobSpec: ProtoField = {
  message: {
    1: ["parallelism", "int"],
    2: ["completions", "int"],
    6: ["template", podTemplate],
    7: ["backoffLimit", "int"],
  },
};

const servicePort: ProtoField = {
  message: {
    1: ["name", "string"],
    2: ["protocol", "string"],
    3: ["port", "int"],
    4: ["targetPort", "intOrString"],
  },
};

const serviceSpec: ProtoField = {
  message: {
    1: ["ports", { list: servicePort }],
    2: ["selector", textMap],
    3: ["clusterIP", "string"],
    4: ["type", "string"],
    10: ["externalName", "string"],
  },
};

const accessSpec: ProtoField = {
  message: {
    1: [
      "resourceAttributes",
      {
        message: {
          1: ["namespace", "string"],
          2: ["verb", "string"],
          3: ["group", "string"],
          4: ["version", "string"],
          5: ["resource", "string"],
          6: ["subresource", "string"],
          7: ["name", "string"],
        },
      },
    ],
    2: ["nonResourceAttributes", { message: { 1: ["path", "string"], 2: ["verb", "string"] } }],
  },
};

function object(fields: ProtoMessage): ProtoMessage {
  return { 1: ["metadata", metadata], ...fields };
}

/** The messages that kubectl sends by itself, by "apiVersion/kind"; numbers as in upstream's generated.proto files. */
export const protoMessages: Readonly<Record<string, ProtoMessage>> = {
  "v1/Namespace": object({ 2: ["spec", "skip"], 3: ["status", "skip"] }),
  "v1/ConfigMap": object({ 2: ["data", textMap], 3: ["binaryData", { map: "bytes" }], 4: ["immutable", "bool"] }),
  "v1/Secret": object({
    2: ["data", { map: "bytes" }],
    3: ["type", "string"],
    4: ["stringData", textMap],
    5: ["immutable", "bool"],
  }),
  "v1/ServiceAccount": object({}),
  "v1/Service": object({ 2: ["spec", serviceSpec], 3: ["status", "skip"] }),
  "apps/v1/Deployment": object({ 2: ["spec", deploymentSpec], 3: ["status", "skip"] }),
  "batch/v1/Job": object({ 2: ["spec", jobSpec], 3: ["status", "skip"] }),
  "authorization.k8s.io/v1/SelfSubjectAccessReview": object({ 2: ["spec", accessSpec], 3: ["status", "skip"] }),
  "authorization.k8s.io/v1/SelfSubjectRulesReview": object({
    2: ["spec", { message: { 1: ["namespace", "string"] } }],
    3: ["status", "skip"],
  }),
  "authentication.k8s.io/v1/SelfSubjectReview": object({ 2: ["status", "skip"] }),
};
