import { stringify } from "yaml";

const account = "slipway";
const tokenSecret = "slipway-token";

const read = ["get", "list", "watch"];
const write = [...read, "create", "patch", "delete"];

/** What deployments need in a cluster, and no more. Slipway hands no rights on, so it needs none to do that. */
const rules = [
  { apiGroups: [""], resources: ["namespaces"], verbs: write },
  { apiGroups: [""], resources: ["nodes"], verbs: read },
  {
    apiGroups: [""],
    resources: ["secrets", "configmaps", "services", "persistentvolumeclaims", "serviceaccounts"],
    verbs: write,
  },
  { apiGroups: [""], resources: ["pods"], verbs: [...read, "delete"] },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
  { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
  { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
  { apiGroups: [""], resources: ["events"], verbs: read },
  { apiGroups: ["apps"], resources: ["deployments", "statefulsets", "daemonsets"], verbs: write },
  { apiGroups: ["apps"], resources: ["replicasets"], verbs: read },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: write },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: write },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: write },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses"], verbs: write },
  { apiGroups: ["networking.k8s.io"], resources: ["ingressclasses"], verbs: read },
  { apiGroups: ["storage.k8s.io"], resources: ["storageclasses"], verbs: read },
  { apiGroups: ["helm.toolkit.fluxcd.io"], resources: ["helmreleases"], verbs: write },
  { apiGroups: ["source.toolkit.fluxcd.io"], resources: ["helmrepositories", "ocirepositories"], verbs: write },
  { apiGroups: ["argoproj.io"], resources: ["applications"], verbs: write },
  { apiGroups: ["cert-manager.io"], resources: ["certificates"], verbs: write },
  { apiGroups: ["cert-manager.io"], resources: ["clusterissuers"], verbs: read },
];

/** What lets Slipway into a foreign cluster: objects to apply there, and how to make the kubeconfig then. */
export function joinConfig(namespace: string): { manifests: string; commands: string } {
  return { manifests: manifestsOf(namespace), commands: commandsOf(namespace) };
}

function manifestsOf(namespace: string): string {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: account }, rules };
  const objects = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: account, namespace } },
    role,
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: account },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: account },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: tokenSecret,
        namespace,
        annotations: { "kubernetes.io/service-account.name": account },
      },
      type: "kubernetes.io/service-account-token",
    },
  ];
  return objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join("---\n");
}

/** The authority is the one of the caller's own kubeconfig; where that has none, the one that the cluster tells. */
function commandsOf(namespace: string): string {
  const secret = `kubectl --namespace ${namespace} get secret ${tokenSecret} --output`;
  const own = "kubectl config view --minify --raw --output";
  return `SERVER=$(${own} 'jsonpath={.clusters[0].cluster.server}')
CA=$(${own} 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
[ -n "$CA" ] || CA=$(${secret} 'jsonpath={.data.ca\\.crt}')
TOKEN=$(${secret} 'jsonpath={.data.token}' | base64 -d)
cat <<EOF
apiVersion: v1
kind: Config
clusters:
  - name: ${account}
    cluster:
      server: $SERVER
      certificate-authority-data: $CA
users:
  - name: ${account}
    user:
      token: $TOKEN
contexts:
  - name: ${account}
    context:
      cluster: ${account}
      user: ${account}
current-context: ${account}
EOF
`;
}
