import { DomainError } from "../errors.js";
import type { AddressScope } from "../kube/addresses.js";
import { startDeadline } from "../kube/deadline.js";
import { chartResolver, chartSiteOf } from "./charts.js";
import { credentialsFor } from "./credentials.js";
import { openDistribution } from "./distribution.js";
import { silent } from "./failure.js";
import { openHttp } from "./http.js";
import { canonicalHost, type Mirrors, siteOf } from "./mirrors.js";
import { parseReference } from "./reference.js";
import type { Registry } from "./registry.js";

export interface RegistryOptions {
  /** Where registries may be; mirrors may be anywhere. */
  readonly addresses: AddressScope;
  readonly mirrors: Mirrors;
  /** How long one call may take, and a whole lookup with all its calls; 10 s and 20 s unless told. */
  readonly callMs?: number;
  readonly lookupMs?: number;
}

const mostLookups = 128;
/** So one registry that hangs leaves room for the others. */
const mostPerHost = 32;

/** Opens the client of registries; each process has one. */
export function openRegistry(options: RegistryOptions): Registry {
  const { addresses, mirrors, callMs = 10_000, lookupMs = 20_000 } = options;
  const http = openHttp(addresses, callMs);
  const distribution = openDistribution(http);
  const charts = chartResolver(http, distribution, mirrors);
  const bounded = boundedLookups(lookupMs);
  return {
    async resolveImage(image, given, signal) {
      const { registry, repository, tag, digest } = parseReference(image);
      const host = canonicalHost(registry) ?? registry;
      const site = siteOf(host, mirrors);
      const credentials = credentialsFor(given, host);
      const target = { site, repository, given, credentials, words: `image ${image}` };
      const reference = digest === "" ? tag : digest;
      return { digest: await bounded(host, signal, (within) => distribution.digestOf(target, reference, within)) };
    },
    async resolveChart(chart, given, signal) {
      const { host } = chartSiteOf(chart.repository, mirrors).site;
      return await bounded(host, signal, (within) => charts(chart, given, within));
    },
  };
}

/** Ends lookups in time, and turns those away that are too many. */
function boundedLookups(lookupMs: number) {
  const open = new Map<string, number>();
  let all = 0;
  return async <T>(host: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    const ofHost = open.get(host) ?? 0;
    if (all >= mostLookups || ofHost >= mostPerHost) {
      throw new DomainError("exhausted", `too many ask ${host} at once: try again`, { retryAfterMs: 1_000 });
    }
    all += 1;
    open.set(host, ofHost + 1);
    const deadline = startDeadline(lookupMs, signal);
    try {
      return await work(deadline.signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw deadline.signal.aborted ? silent(host, "does not answer in time") : error;
    } finally {
      deadline.stop();
      all -= 1;
      const left = (open.get(host) ?? 1) - 1;
      if (left === 0) open.delete(host);
      else open.set(host, left);
    }
  };
}
