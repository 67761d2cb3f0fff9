import { parse } from "yaml";
import { isRecord } from "../../../record.js";

/** The URL of the API server in a kubeconfig with one cluster; empty when it has none. */
export function serverIn(kubeconfig: string): string {
  const config: unknown = parse(kubeconfig, { logLevel: "error" });
  const [first]: unknown[] = isRecord(config) && Array.isArray(config.clusters) ? config.clusters : [];
  const cluster = isRecord(first) && isRecord(first.cluster) ? first.cluster : {};
  return typeof cluster.server === "string" ? cluster.server : "";
}
