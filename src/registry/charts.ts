import { createGunzip } from "node:zlib";
import { DomainError } from "../errors.js";
import { basic, credentialsAdvice, credentialsFor } from "./credentials.js";
import type { Distribution, Target } from "./distribution.js";
import { silent, unusable } from "./failure.js";
import type { Answer, Http } from "./http.js";
import { type IndexEntry, readIndex } from "./index-file.js";
import { canonicalHost, type Mirrors, prefixOf, type Site, siteOf } from "./mirrors.js";
import { isRepository } from "./reference.js";
import type { ChartQuery, Registry, RegistryCredentials } from "./registry.js";
import { newestOf, parseConstraint, parseVersion } from "./versions.js";

/** Where charts are, read from the URL of their repository. */
export interface ChartSite {
  readonly type: "oci" | "index";
  readonly site: Site;
  /** Below the host, without slashes at its ends; empty for none. */
  readonly path: string;
}

const chartConfigType = "application/vnd.cncf.helm.config.v1+json";

/** Reads the URL of a repository of charts; throws DomainError "invalid" for what is none. */
export function chartSiteOf(repository: string, mirrors: Mirrors): ChartSite {
  const [, scheme = "", authority = "", rest = ""] =
    /^(https|oci):\/\/([^/?#@\s]+)((?:\/[^?#\s]*)?)$/.exec(repository) ?? [];
  const host = authority === "" ? undefined : canonicalHost(authority.toLowerCase());
  if (host === undefined) {
    const form = "https://HOST/PATH or oci://HOST/PATH, without credentials, query or fragment";
    throw new DomainError("invalid", `the repository of the chart must be ${form}`);
  }
  const path = rest.replace(/^\/+|\/+$/g, "");
  return { type: scheme === "oci" ? "oci" : "index", site: siteOf(host, mirrors), path };
}

/** Resolves charts, as `Registry` has it. */
export function chartResolver(http: Http, distribution: Distribution, mirrors: Mirrors): Registry["resolveChart"] {
  return async (chart, given, signal) => {
    const where = chartSiteOf(chart.repository, mirrors);
    if (!/^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$/.test(chart.name)) {
      throw new DomainError("invalid", "the name of the chart must be lower-case letters, digits, dots, _ and dashes");
    }
    const would = parseConstraint(chart.version);
    // A version that is told in full need be no more than what the repository calls it.
    if (would === undefined && !/^[0-9A-Za-z.+-]+$/.test(chart.version)) throw badVersion();
    if (where.type === "oci") return await resolveOci(distribution, where, chart, given, signal);
    const entries = await readEntries(http, where, chart, given, signal);
    const exact = entries.find(({ version }) => version !== "" && version === chart.version);
    const found = exact ?? (would === undefined ? undefined : newestOf(entries, would));
    if (found === undefined) throw noVersion(chart);
    return { version: found.version, digest: found.digest };
  };
}

async function readEntries(
  http: Http,
  { site, path }: ChartSite,
  chart: ChartQuery,
  given: RegistryCredentials | undefined,
  signal: AbortSignal,
): Promise<IndexEntry[]> {
  const { host } = site;
  const parts = [prefixOf(site), path, "index.yaml"].filter((part) => part !== "");
  const url = new URL(`/${parts.join("/")}`, site.url);
  const own = credentialsFor(given, host, path);
  const authorization = own === undefined ? undefined : basic(own);
  const entries = await http.ask(
    { site, method: "GET", url, headers: { "accept-encoding": "gzip" }, authorization },
    async (answer) => {
      if (answer.status === 401 || answer.status === 403) {
        const advice = credentialsAdvice(given, own);
        throw new DomainError("precondition", `the index of ${host} is not there for these credentials: ${advice}`);
      }
      if (answer.status === 404) {
        throw new DomainError("missing", `there is no index of charts at ${chart.repository}: check the URL`);
      }
      if (answer.status !== 200) throw silent(host, `answers with status ${answer.status}`);
      return await readIndex(plainBody(answer, host), chart.name, host);
    },
    signal,
  );
  if (entries === undefined || entries.length === 0) {
    throw new DomainError("missing", `there is no chart ${chart.name} in ${chart.repository}: check its name`);
  }
  return entries;
}

/** The body without its compression. */
function plainBody({ headers, body }: Answer, host: string): AsyncIterable<Uint8Array> {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return body;
  if (encoding !== "gzip" && encoding !== "x-gzip")
    throw unusable(host, "answers in an encoding that was not asked for");
  const plain = createGunzip();
  body.on("error", (error) => plain.destroy(error));
  plain.on("close", () => body.destroy());
  return body.pipe(plain);
}

async function resolveOci(
  distribution: Distribution,
  { site, path }: ChartSite,
  chart: ChartQuery,
  given: RegistryCredentials | undefined,
  signal: AbortSignal,
): Promise<{ version: string; digest: string }> {
  const repository = path === "" ? chart.name : `${path}/${chart.name}`;
  if (!isRepository(repository)) {
    throw new DomainError(
      "invalid",
      "the path of the chart's repository must be lower-case letters, digits, . _ and -",
    );
  }
  const words = `chart ${chart.name} in ${chart.repository}`;
  const target: Target = { site, repository, given, credentials: credentialsFor(given, site.host), words };
  const version = await versionOf(distribution, target, chart, signal);
  const exact = { ...target, words: `version ${version} of ${words}` };
  // Tags have no plus sign.
  const manifest = await distribution.manifestOf(exact, version.replaceAll("+", "_"), signal);
  if (manifest.configType !== chartConfigType) throw new DomainError("missing", `${words} is no Helm chart`);
  return { version, digest: manifest.digest };
}

async function versionOf(
  distribution: Distribution,
  target: Target,
  chart: ChartQuery,
  signal: AbortSignal,
): Promise<string> {
  const isWhole = /^v?\d+\.\d+\.\d+/.test(chart.version) && parseVersion(chart.version) !== undefined;
  if (isWhole) return chart.version;
  const would = parseConstraint(chart.version);
  if (would === undefined) throw badVersion();
  const tags = await distribution.tagsOf(target, signal);
  const found = newestOf(
    tags.map((tag) => ({ version: tag.replaceAll("_", "+") })),
    would,
  );
  if (found === undefined) throw noVersion(chart);
  return found.version;
}

const badVersion = (): DomainError =>
  new DomainError("invalid", "the version of the chart must be a version or a range of them, as in 1.2.3, ^1.2 or 1.x");

function noVersion({ repository, name, version }: ChartQuery): DomainError {
  const which = version === "" ? "no release" : `no version that fits ${version}`;
  return new DomainError("missing", `chart ${name} in ${repository} has ${which}: check the version`);
}
