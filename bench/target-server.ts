// An API server with deployments and their pods as a busy cluster has them: `target-server DEPLOYMENTS PODS-OF-EACH`.
import { startEmbeddedKube } from "../src/kube/embedded/server.js";
import type { Fields, ObjectMeta } from "../src/kube/embedded/types.js";
import { benchDeployment, benchName, benchNamespace } from "./target-names.js";

const [deployments = 0, podsOfEach = 0] = process.argv.slice(2).map(Number);
const at = "2026-01-01T00:00:00Z";

async function createDeployment(index: number, namespace: string): Promise<void> {
  const name = `${benchName(index)}-web`;
  const labels = labelsOf(index);
  const podLabels = { ...labels, "slipway.dev/release": "1", "pod-template-hash": "5d8f7c9b6d" };
  const managedFields = [managed("slipway", "Apply"), managed("kube-controller-manager", "Update")];
  await store.create(
    { group: "apps", resource: "deployments" },
    {
      metadata: { name, namespace, labels, managedFields },
      spec: {
        replicas: podsOfEach,
        selector: { matchLabels: labels },
        template: { metadata: { labels: podLabels }, spec: podSpec() },
      },
      status: {
        observedGeneration: 1,
        replicas: podsOfEach,
        updatedReplicas: podsOfEach,
        readyReplicas: podsOfEach,
        availableReplicas: podsOfEach,
        conditions: [
          condition("Available", "MinimumReplicasAvailable"),
          condition("Progressing", "NewReplicaSetAvailable"),
        ],
      },
    },
  );
  await store.create(
    { group: "", resource: "services" },
    { metadata: { name, namespace, labels }, spec: { selector: labels, ports: [{ name: "http", port: 8080 }] } },
  );
  for (let pod = 0; pod < podsOfEach; pod += 1) {
    await createPod(index, pod, { namespace, labels: podLabels, managedFields });
  }
}

async function createPod(index: number, pod: number, metadata: Partial<ObjectMeta>): Promise<void> {
  const host = `10.0.${index % 250}.${pod}`;
  await store.create(
    { group: "", resource: "pods" },
    {
      metadata: { ...metadata, name: `${benchName(index)}-web-5d8f7c9b6d-${String(pod).padStart(5, "0")}` },
      spec: { ...podSpec(), nodeName: `node-${pod}` },
      status: podStatus(host),
    },
  );
}

const labelsOf = (index: number): Record<string, string> => ({
  "app.kubernetes.io/managed-by": "slipway",
  "app.kubernetes.io/name": benchName(index),
  "app.kubernetes.io/instance": benchName(index),
  "slipway.dev/project": benchDeployment(0),
  "slipway.dev/deployment": benchDeployment(index),
  "slipway.dev/process": "web",
  "slipway.dev/variant": "active",
});

function podSpec(): Fields {
  const variables = Array.from({ length: 10 }, (_, index) => ({ name: `VARIABLE_${index}`, value: `value ${index}` }));
  const probe = {
    httpGet: { path: "/healthz", port: "http" },
    periodSeconds: 10,
    timeoutSeconds: 1,
    failureThreshold: 3,
  };
  return {
    containers: [
      {
        name: "web",
        image: `registry.example/shop/web@sha256:${"a".repeat(64)}`,
        ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
        env: variables,
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
        readinessProbe: probe,
        livenessProbe: probe,
        volumeMounts: [{ name: "kube-api-access", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }],
      },
    ],
    volumes: [{ name: "kube-api-access", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
    tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" }],
    restartPolicy: "Always",
    schedulerName: "default-scheduler",
  };
}

function podStatus(address: string): Fields {
  return {
    phase: "Running",
    conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => condition(type, "")),
    hostIP: "192.168.0.1",
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: at,
    containerStatuses: [
      {
        name: "web",
        image: `registry.example/shop/web@sha256:${"a".repeat(64)}`,
        imageID: `registry.example/shop/web@sha256:${"b".repeat(64)}`,
        containerID: `containerd://${"c".repeat(64)}`,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: at } },
        lastState: {},
      },
    ],
  };
}

function condition(type: string, reason: string) {
  return { type, status: "True", reason, message: reason, lastProbeTime: null, lastTransitionTime: at };
}

/** As large as those of pods are. */
function managed(manager: string, operation: "Apply" | "Update") {
  const fields = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f:field-number-${index}`, {}]));
  const fieldsV1 = { "f:spec": fields };
  return { manager, operation, apiVersion: "v1", time: at, fieldsType: "FieldsV1" as const, fieldsV1 };
}

const kube = await startEmbeddedKube();
const { store } = kube;
const made = new Set<string>();
for (let index = 0; index < deployments; index += 1) {
  const namespace = benchNamespace(index);
  if (!made.has(namespace))
    await store.create({ group: "", resource: "namespaces" }, { metadata: { name: namespace } });
  made.add(namespace);
  await createDeployment(index, namespace);
}
process.send?.({ kubeconfig: kube.adminKubeconfig });
process.on("disconnect", () => process.exit(0));
