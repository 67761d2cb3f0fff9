import type { ResourceType } from "../../../../kube/objects.js";
import type { ChartSource } from "../../spec/content.js";
import { pullSecret, registryLogin, secretManifest } from "../contents.js";
import type { Engine, Manifest, ObjectOwner, Rendered, RenderInput } from "../engine.js";
import { helmReleases, helmRepositories, ociRepositories } from "../kinds.js";
import { labels, ownLabels } from "../labels.js";
import { configSecretName, pullSecretName } from "../names.js";
import { chartOf, openValues, refuseScale, secretValues } from "./values.js";

/** How often Flux looks whether all is as it is to be. */
const interval = "10m";
const standardRolloutSeconds = 600;
const valuesKey = "values.yaml";

/** Makes a HelmRelease of Flux and the source of its chart. */
export const fluxEngine: Engine = { check: (release) => void chartOf(release), render };

function render(input: RenderInput): Rendered {
  const source = chartOf(input.release);
  refuseScale(input);
  const { owner, number, release, secrets } = input;
  const hidden = secretValues(release, secrets);
  const name = configSecretName(owner.objectName, number);
  const values = [[valuesKey, JSON.stringify(hidden)]] as const;
  const ofRelease = { labels: { [labels.release]: String(number) } };
  return {
    first: [
      ...(Object.keys(hidden).length > 0 ? [secretManifest(owner, name, values, ofRelease)] : []),
      ...loginOf(input, source),
      sourceOf(owner, source),
    ],
    releaseJobs: [],
    workloads: [helmRelease(input, source, openValues(source.values, hidden), Object.keys(hidden).length > 0)],
  };
}

const isOci = ({ repository }: ChartSource): boolean => repository.startsWith("oci://");

const secretRef = (owner: ObjectOwner, { registrySecret }: ChartSource) =>
  registrySecret === "" ? {} : { secretRef: { name: pullSecretName(owner.objectName) } };

function loginOf({ owner, secrets }: RenderInput, source: ChartSource): Manifest[] {
  if (source.registrySecret === "") return [];
  if (isOci(source)) return [pullSecret(owner, secrets, [source.registrySecret])];
  const { username, password } = registryLogin(secrets, source.registrySecret);
  const login = Object.entries({ username, password });
  return [secretManifest(owner, pullSecretName(owner.objectName), login)];
}

function sourceOf(owner: ObjectOwner, source: ChartSource): Manifest {
  if (!isOci(source)) {
    return fluxObject(helmRepositories, owner, { url: source.repository, interval, ...secretRef(owner, source) });
  }
  // Tags have no plus sign: Helm writes an underscore for it.
  const tag = source.resolvedVersion.replaceAll("+", "_");
  return fluxObject(ociRepositories, owner, {
    url: `${source.repository.replace(/\/+$/, "")}/${source.name}`,
    interval,
    ref: { tag, ...(source.digest === "" ? {} : { digest: source.digest }) },
    layerSelector: { mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", operation: "copy" },
    ...secretRef(owner, source),
  });
}

function helmRelease(input: RenderInput, source: ChartSource, values: object, hasHidden: boolean): Manifest {
  const { owner, number, rolloutSeconds = standardRolloutSeconds } = input;
  const { objectName: name } = owner;
  const chart = isOci(source)
    ? { chartRef: { kind: ociRepositories.kind, name } }
    : {
        chart: {
          spec: {
            chart: source.name,
            version: source.resolvedVersion,
            interval,
            sourceRef: { kind: helmRepositories.kind, name },
          },
        },
      };
  const valuesFrom = [{ kind: "Secret", name: configSecretName(name, number), valuesKey }];
  return fluxObject(helmReleases, owner, {
    ...chart,
    releaseName: name,
    interval,
    timeout: `${rolloutSeconds}s`,
    // What becomes of a failed release the platform decides.
    install: { remediation: { retries: 0 } },
    upgrade: { remediation: { retries: 0 } },
    values,
    ...(hasHidden ? { valuesFrom } : {}),
  });
}

function fluxObject(type: ResourceType, owner: ObjectOwner, spec: Readonly<Record<string, unknown>>): Manifest {
  const { objectName: name, namespace } = owner;
  return { type, object: { metadata: { name, namespace, labels: ownLabels(owner) }, spec } };
}
