import { parse, stringify } from "yaml";
import { DomainError } from "../../../errors.js";

interface Entry {
  readonly name: string;
  readonly entry: object;
}

/**
 * Rewrites the kubeconfig that Gardener issues to one cluster, one user and one context, named
 * `shoot--<project>--<name>-external` and `<project>--<name>-external`. Of several clusters the one with the
 * external address is taken. Throws DomainError (unavailable) when there is no such cluster or no client certificate.
 */
export function singleUserKubeconfig(text: string, project: string, name: string): string {
  const config: unknown = parseYaml(text);
  const clusters = entriesOf(config, "clusters", "cluster");
  const users = entriesOf(config, "users", "user");
  const contexts = entriesOf(config, "contexts", "context");
  const current = textOf(config, "current-context");
  const context =
    contexts.find(({ name }) => name.endsWith("-external")) ?? contexts.find(({ name }) => name === current);
  const cluster = clusters.find(({ name }) => name === textOf(context?.entry, "cluster"));
  const user = users.find(({ name }) => name === textOf(context?.entry, "user"));
  const certificate = textOf(user?.entry, "client-certificate-data");
  const key = textOf(user?.entry, "client-key-data");
  if (cluster === undefined || certificate === undefined || key === undefined) {
    throw new DomainError("unavailable", "the cluster backend issued a kubeconfig without a client certificate");
  }
  const userName = `${project}--${name}-external`;
  const clusterName = `shoot--${userName}`;
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": userName,
    clusters: [{ name: clusterName, cluster: cluster.entry }],
    contexts: [{ name: userName, context: { cluster: clusterName, user: userName } }],
    users: [{ name: userName, user: { "client-certificate-data": certificate, "client-key-data": key } }],
  });
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    // The parser's message quotes the text, and with it the key.
    throw new DomainError("unavailable", "the cluster backend issued a kubeconfig that cannot be read");
  }
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}

function textOf(value: unknown, field: string): string | undefined {
  const found = fieldOf(value, field);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function entriesOf(config: unknown, list: string, field: string): Entry[] {
  const found = fieldOf(config, list);
  if (!Array.isArray(found)) return [];
  return found.flatMap((item: unknown) => {
    const name = textOf(item, "name");
    const entry = fieldOf(item, field);
    if (name === undefined || typeof entry !== "object" || entry === null) return [];
    return [{ name, entry }];
  });
}
