import { DomainError } from "../../../../errors.js";
import type { ChartSource, WholeRelease } from "../../spec/content.js";
import { registryLogin, secretManifest } from "../contents.js";
import type { Engine, Manifest, ObjectOwner, Rendered, RenderInput } from "../engine.js";
import { applications } from "../kinds.js";
import { ownLabels } from "../labels.js";
import { fitted } from "../names.js";
import { chartOf, overlaid, refuseScale, variablesOf } from "./values.js";

/** Where Argo CD is installed: it follows the Applications of its own Namespace alone unless it is told otherwise. */
export const argoNamespace = "argocd";

/** Makes an Application of Argo CD. */
export const argoEngine: Engine = { check: (release) => void argoChart(release), render };

/** The chart. Its values are part of the Application, which anybody who reads those can see: so nothing secret is among them. */
function argoChart(release: WholeRelease): ChartSource {
  const source = chartOf(release);
  const secret = release.config.variables.find(({ sensitive, use }) => sensitive || use !== undefined);
  if (source.secretValues.length > 0 || secret !== undefined) {
    const what = secret === undefined ? "secret_values" : `the variable ${secret.name}, which is secret`;
    throw new DomainError("precondition", `Argo CD cannot take ${what}: use the engine FLUX`);
  }
  return source;
}

function render(input: RenderInput): Rendered {
  const source = argoChart(input.release);
  refuseScale(input);
  return { first: loginOf(input, source), releaseJobs: [], workloads: [application(input, source)] };
}

/** Applications of all namespaces are in one. */
const nameOf = ({ namespace, objectName }: ObjectOwner): string => fitted(`${namespace}-${objectName}`);

const isOci = ({ repository }: ChartSource): boolean => repository.startsWith("oci://");

/** Argo CD knows OCI registries of charts by their address without a scheme. */
const repoUrl = ({ repository }: ChartSource): string => repository.replace(/^oci:\/\//, "");

/** How Argo CD logs in to the repository. */
function loginOf({ owner, secrets }: RenderInput, source: ChartSource): Manifest[] {
  if (source.registrySecret === "") return [];
  const { username, password } = registryLogin(secrets, source.registrySecret);
  const login = { type: "helm", url: repoUrl(source), username, password, enableOCI: String(isOci(source)) };
  const place = { ...owner, namespace: argoNamespace };
  const marks = { labels: { "argocd.argoproj.io/secret-type": "repository" } };
  return [secretManifest(place, fitted(`${nameOf(owner)}-pull`), Object.entries(login), marks)];
}

function application({ owner, release }: RenderInput, source: ChartSource): Manifest {
  const variables = variablesOf(
    source,
    release.config.variables.map(({ name, value }) => [name, value]),
  );
  return {
    type: applications,
    object: {
      metadata: {
        name: nameOf(owner),
        namespace: argoNamespace,
        labels: ownLabels(owner),
        // With it, what the Application has made goes with it.
        finalizers: ["resources-finalizer.argocd.argoproj.io"],
      },
      spec: {
        project: "default",
        source: {
          repoURL: repoUrl(source),
          chart: source.name,
          targetRevision: source.resolvedVersion,
          helm: { releaseName: owner.objectName, valuesObject: overlaid(source.values, variables) },
        },
        destination: { server: "https://kubernetes.default.svc", namespace: owner.namespace },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    },
  };
}
