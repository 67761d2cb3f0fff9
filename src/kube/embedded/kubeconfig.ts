import { stringify } from "yaml";
import type { Authority } from "./authority.js";
import type { IssuedKubeconfig, KubeconfigOptions } from "./extension.js";

const defaultSeconds = 365 * 24 * 3600;

/** The path of a virtual cluster's API; "" for the management cluster. */
export function clusterPath(name: string): string {
  return name === "" ? "" : `/clusters/${name}`;
}

/** Issues a client certificate and writes a kubeconfig around it. */
export async function issueKubeconfig(
  authority: Authority,
  url: string,
  options: KubeconfigOptions,
): Promise<IssuedKubeconfig> {
  const client = await authority.issueClient(options.user, options.groups, options.expiresInSeconds ?? defaultSeconds);
  const { cluster = "slipway", user = "slipway", context = "slipway" } = options.names ?? {};
  const encoded = (text: string) => Buffer.from(text).toString("base64");
  const server = url + clusterPath(options.cluster ?? "");
  const yaml = stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      "current-context": context,
      clusters: [{ name: cluster, cluster: { server, "certificate-authority-data": encoded(authority.certificate) } }],
      contexts: [{ name: context, context: { cluster, user } }],
      users: [
        {
          name: user,
          user: {
            "client-certificate-data": encoded(client.certificate),
            "client-key-data": encoded(client.key),
          },
        },
      ],
    },
    { lineWidth: 0 },
  );
  return { yaml, expires: client.expires };
}
