import {
  ChartEngine,
  type ContainerImage,
  type HelmChart,
  type SecretReference,
  type Source,
} from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { DomainError, invalidField } from "../../../errors.js";
import { parseReference } from "../../../registry/reference.js";
import type { ChartSource, ImageSource, SecretUse } from "./content.js";
import { isInside } from "./paths.js";

const mostValueBytes = 262_144;
const deepestValue = 50;

/**
 * The source of a request, not resolved yet: its digest and version are empty, and a chart that names no engine gets
 * `engine`. Throws "invalid".
 */
export function sourceOf(
  field: string,
  { source }: Source,
  engine: ChartSource["engine"] = "flux",
): ImageSource | ChartSource {
  if (source.case === "image") return imageOf(`${field}.image`, source.value);
  if (source.case === "chart") return chartOf(`${field}.chart`, source.value, engine);
  throw invalidField(field, "must have an image or a chart");
}

/** A reference to a secret as it is asked for; version 0 is the newest, which is followed. Throws "invalid". */
export function secretUseOf(field: string, { secret, key, version }: SecretReference): SecretUse {
  return { secret: secret.toLowerCase(), key, ...secretVersionOf(field, version) };
}

/** A version of a secret as it is asked for; 0 is the newest, which is followed. Throws "invalid". */
export function secretVersionOf(field: string, version: bigint): Pick<SecretUse, "version" | "follows"> {
  if (version > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidField(`${field}.version`, "is too large");
  return { version: Number(version), follows: version === 0n };
}

function imageOf(field: string, { image, registrySecret }: ContainerImage): ImageSource {
  try {
    parseReference(image);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw invalidField(`${field}.image`, error.message);
  }
  return { type: "image", image, digest: "", registrySecret: registrySecret.toLowerCase() };
}

function chartOf(field: string, chart: HelmChart, engine: ChartSource["engine"]): ChartSource {
  const { repository, name, version, values = {}, variablesPath, registrySecret } = chart;
  refuseBadRepository(`${field}.repository`, repository);
  refuseBadValues(`${field}.values`, values);
  return {
    type: "chart",
    repository,
    name,
    version,
    resolvedVersion: "",
    digest: "",
    values,
    secretValues: secretValuesOf(field, chart),
    variablesPath,
    engine: engines.get(chart.engine) ?? engine,
    registrySecret: registrySecret.toLowerCase(),
  };
}

const engines: ReadonlyMap<ChartEngine, ChartSource["engine"]> = new Map([
  [ChartEngine.FLUX, "flux"],
  [ChartEngine.ARGO_CD, "argo_cd"],
]);

function refuseBadRepository(field: string, repository: string): void {
  const url = /^(?:https|oci):\/\/[^\s\\]+$/.test(repository) && URL.parse(repository);
  if (!url || url.hostname === "") throw invalidField(field, "must be a URL that begins with https:// or oci://");
  if (url.username !== "" || url.password !== "") {
    throw invalidField(field, "must not have credentials: put them into a secret and name it in registry_secret");
  }
  if (/[?#]/.test(repository)) throw invalidField(field, "must not have a query or a fragment");
}

function refuseBadValues(field: string, values: unknown): void {
  refuseBadValue(field, values, 0);
  if (Buffer.byteLength(JSON.stringify(values)) > mostValueBytes) {
    throw invalidField(field, "must have 256 KiB as JSON at most");
  }
}

function refuseBadValue(field: string, value: unknown, depth: number): void {
  if (depth > deepestValue) throw invalidField(field, `must be nested ${deepestValue} levels deep at most`);
  if (typeof value === "string") refuseBadText(field, value);
  else if (typeof value === "number" && !Number.isFinite(value)) throw invalidField(field, "must have finite numbers");
  else if (typeof value === "object" && value !== null) {
    // The one name that an object of JavaScript cannot hold: it became the object's prototype.
    if (![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value))) {
      throw invalidField(field, "must not have the key __proto__");
    }
    for (const [key, inner] of Object.entries(value)) {
      refuseBadText(field, key);
      refuseBadValue(field, inner, depth + 1);
    }
  }
}

function refuseBadText(field: string, text: string): void {
  if (text.includes("\u0000")) throw invalidField(field, "must not contain U+0000");
  if (/\p{Surrogate}/u.test(text)) throw invalidField(field, "must be Unicode text");
}

function secretValuesOf(field: string, { secretValues, variablesPath }: HelmChart): ChartSource["secretValues"] {
  const paths = secretValues.map(({ path }) => path);
  return secretValues.map(({ path, secret }, i) => {
    const at = `${field}.secret_values[${i}]`;
    if (secret === undefined) throw invalidField(`${at}.secret`, "is required");
    const other = paths.find((each, n) => n !== i && isInside(path, each, "."));
    if (other !== undefined) throw invalidField(`${at}.path`, `is in ${other}, which has a value of its own`);
    if (isInside(variablesPath, path, ".")) {
      throw invalidField(`${at}.path`, "must not hold variables_path, which gets the variables");
    }
    return { path, use: secretUseOf(`${at}.secret`, secret) };
  });
}
