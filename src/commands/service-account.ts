import { stringify } from "yaml";

const folder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The kubeconfig of the pod's service account, as Kubernetes tells of it; undefined outside of a pod. It names the files
 * that Kubernetes renews.
 */
export function serviceAccountKubeconfig(env: NodeJS.ProcessEnv): string | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port || ["80", "8080", "8001"].includes(port)) return undefined;
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const provider = { name: "tokenFile", config: { tokenFile: `${folder}/token` } };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "pod",
    clusters: [{ name: "pod", cluster: { server, "certificate-authority": `${folder}/ca.crt` } }],
    users: [{ name: "pod", user: { "auth-provider": provider } }],
    contexts: [{ name: "pod", context: { cluster: "pod", user: "pod" } }],
  });
}
