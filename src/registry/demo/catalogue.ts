import { createHash } from "node:crypto";
import { valid } from "semver";
import { offeredCharts } from "../../kube/embedded/workloads/engines/charts.js";
import { isDigest } from "../reference.js";

/** A manifest of the demo registry. */
export interface DemoManifest {
  readonly digest: string;
  readonly type: string;
  readonly body: string;
}

const imageConfig = "application/vnd.oci.image.config.v1+json";
const chartConfig = "application/vnd.cncf.helm.config.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

const lastPart = (repository: string): string => repository.slice(repository.lastIndexOf("/") + 1);

/** Whether it takes credentials to see this. */
export const isPrivate = (repository: string, reference: string): boolean =>
  lastPart(repository) === "private" || reference === "private";

/** The manifest with that tag or digest; undefined for what is said to be missing. */
export function demoManifest(repository: string, reference: string): DemoManifest | undefined {
  const name = lastPart(repository);
  const versions = offeredCharts.get(name);
  const version = reference.replaceAll("_", "+");
  if (name === "missing" || reference === "missing") return undefined;
  if (versions !== undefined && valid(version) !== null && !versions.includes(version)) return undefined;
  const isChart = versions?.includes(version) ?? false;
  const config = {
    mediaType: isChart ? chartConfig : imageConfig,
    digest: digestOf(`${repository}:${reference}`),
    size: 2,
  };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [] });
  // There is something for each digest; its content cannot be told from it.
  return { digest: isDigest(reference) ? reference : digestOf(body), type: manifestType, body };
}

/** The tags of a repository; undefined for one that is said to be missing. */
export function demoTags(repository: string): readonly string[] | undefined {
  const name = lastPart(repository);
  if (name === "missing") return undefined;
  return (offeredCharts.get(name) ?? ["latest"]).map((tag) => tag.replaceAll("+", "_"));
}

/** The index of every repository of charts. */
export function demoIndex(): string {
  const entries = [...offeredCharts].flatMap(([name, versions]) => [
    `  ${name}:`,
    ...versions
      .toReversed()
      .flatMap((version) => [
        "  - apiVersion: v2",
        `    digest: ${digestOf(`${name}-${version}`).replace("sha256:", "")}`,
        `    name: ${name}`,
        "    urls:",
        `    - ${name}-${version}.tgz`,
        `    version: ${version}`,
      ]),
  ]);
  return `${["apiVersion: v1", "entries:", ...entries].join("\n")}\n`;
}

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
