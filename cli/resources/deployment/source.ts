import type { JsonObject } from "@bufbuild/protobuf";
import { type Command, Option } from "commander";
import type { HelmChart, Source } from "../../../gen/ts/deploy/v1/spec_pb.js";
import { Failure } from "../../failure.js";
import { pairs } from "../../flags.js";
import type { Session } from "../../session.js";
import { readYaml } from "../content.js";
import { enumValueOf } from "../enums.js";
import { given } from "../given.js";
import { usableSecret } from "../secret-names.js";

/** The flags that say what a deployment runs. */
export interface SourceFlags {
  readonly image?: string;
  readonly chart?: string;
  readonly repo?: string;
  readonly chartVersion?: string;
  readonly values?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly variablesPath?: string;
  readonly engine?: string;
  readonly registrySecret?: string;
}

/** The flags of the fields of a source, for violations. */
export const sourceFields = {
  source: "--image or --chart",
  "source.image.image": "--image",
  "source.image.registry_secret": "--registry-secret",
  "source.chart.repository": "--repo",
  "source.chart.name": "--chart",
  "source.chart.version": "--chart-version",
  "source.chart.values": "--values",
  "source.chart.variables_path": "--variables-path",
  "source.chart.engine": "--engine",
} as const;

/** Declares them. */
export function addSource(command: Command): Command {
  return command
    .option("--image <image>", "the image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")
    .option("--chart <name>", "a Helm chart instead of an image")
    .option("--repo <url>", "the repository of the chart: https://... or oci://...")
    .option("--chart-version <version>", "the version of the chart, as in 1.2.3 or 1.x; the newest unless told")
    .option("--values <file>", "the values of the chart, YAML or JSON; - for standard input")
    .option("--set <path=value>", "one value of the chart, as in web.replicas=2; may come several times", pairs)
    .option("--variables-path <path>", "the value of the chart that gets the variables, as in web.env")
    .addOption(new Option("--engine <engine>", "what installs the chart").choices(["flux", "argo-cd"]))
    .option("--registry-secret <secret>", "the secret of the type registry with which it is pulled: its name or uuid");
}

/** What the flags make of a source; undefined when they name none. `before` is what an update begins with. */
export async function sourceFrom(session: Session, flags: SourceFlags, environment: string, before?: Source) {
  const { image, registrySecret } = flags;
  if (image !== undefined) {
    if (chartFlags(flags).length > 0) throw new Failure("usage", "give either an image or a chart");
    const secret = registrySecret === undefined ? undefined : await usableSecret(session, registrySecret, environment);
    const kept = before?.source.case === "image" ? before.source.value.registrySecret : undefined;
    const value = { image, ...given({ registrySecret: secret ?? kept }) };
    return { source: { case: "image", value } } as const;
  }
  if (chartFlags(flags).length === 0 && registrySecret === undefined) return undefined;
  const value = await chartFrom(session, flags, environment, before);
  return { source: { case: "chart", value } } as const;
}

const chartFlags = ({ chart, repo, chartVersion, values, set, variablesPath, engine }: SourceFlags) =>
  [chart, repo, chartVersion, values, set, variablesPath, engine].filter((flag) => flag !== undefined);

async function chartFrom(session: Session, flags: SourceFlags, environment: string, before: Source | undefined) {
  const present = before?.source.case === "chart" ? before.source.value : undefined;
  const name = flags.chart ?? present?.name;
  const repository = flags.repo ?? present?.repository;
  if (name === undefined || repository === undefined) {
    throw new Failure("usage", "a chart needs a name and a repository", ["Give --chart NAME and --repo URL."]);
  }
  const { ChartEngine } = await import("../../../gen/ts/deploy/v1/spec_pb.js");
  const { registrySecret } = flags;
  return {
    ...(present === undefined ? {} : kept(present)),
    name,
    repository,
    ...given({
      version: flags.chartVersion,
      values: await valuesOf(flags, present),
      variablesPath: flags.variablesPath,
      engine: flags.engine === undefined ? undefined : enumValueOf(ChartEngine, flags.engine),
      registrySecret:
        registrySecret === undefined ? undefined : await usableSecret(session, registrySecret, environment),
    }),
  };
}

/** What an update keeps of a chart: not what the server has found out. */
function kept({ version, values, secretValues, variablesPath, engine, registrySecret }: HelmChart) {
  return { version, ...given({ values }), secretValues, variablesPath, engine, registrySecret };
}

async function valuesOf({ values, set = {} }: SourceFlags, present?: HelmChart): Promise<JsonObject | undefined> {
  if (values === undefined && Object.keys(set).length === 0) return undefined;
  const found = values === undefined ? (present?.values ?? {}) : ((await readYaml(values)) ?? {});
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new Failure("usage", `${values} must hold a mapping of values`);
  }
  const { parse } = await import("yaml");
  const merged = structuredClone(found) as JsonObject;
  for (const [path, text] of Object.entries(set)) put(merged, path, parse(text) as JsonObject[string]);
  return merged;
}

function put(into: JsonObject, path: string, value: JsonObject[string]): void {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  if (["__proto__", "constructor", "prototype"].some((part) => part === last || parts.includes(part))) {
    throw new Failure("usage", `--set ${path}: no value has such a path`);
  }
  let at = into;
  for (const part of parts) {
    const next = at[part];
    const inner: JsonObject = typeof next === "object" && next !== null && !Array.isArray(next) ? next : {};
    at[part] = inner;
    at = inner;
  }
  at[last] = value;
}
