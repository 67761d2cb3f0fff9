import { DomainError } from "../../../../errors.js";
import type { ProcessContent, Scale, ScaleEntry, WholeRelease } from "../../spec/content.js";
import { pullSecret } from "../contents.js";
import type { Engine, Manifest, Rendered, RenderInput } from "../engine.js";
import { configManifests } from "./config.js";
import { cronJob, releaseJob } from "./jobs.js";
import { activePart, type Part, variantParts } from "./part.js";
import { replicasOf, serviceManifests } from "./workloads.js";

/** Makes plain objects of Kubernetes for the processes of an image. */
export const imageEngine: Engine = { check, render };

function check({ source }: WholeRelease): void {
  if (source.type !== "image") throw new DomainError("precondition", "a chart has no image");
  if (source.digest === "") throw new DomainError("precondition", `the image ${source.image} is not resolved yet`);
}

function render(input: RenderInput): Rendered {
  check(input.release);
  for (const { release } of input.variants) check(release);
  const part = activePart(input);
  const { processes } = part.release;
  const beside = variantParts(input);
  const rendered = {
    first: unique([part, ...beside].flatMap(configManifests).concat(pullSecrets(part, beside))),
    releaseJobs: processes.filter(({ kind }) => kind === "release_job").map((process) => releaseJob(part, process)),
    workloads: [
      ...processes.flatMap((process) => workloadsOf(part, process, entryOf(input, process))),
      ...beside.flatMap((each) => variantWorkloads(each, input)),
    ],
  };
  refuseNamesakes(rendered);
  return rendered;
}

/** The scale of a process, as far as anything runs. */
function entryOf({ scale, stopped }: RenderInput, { name }: ProcessContent): ScaleEntry {
  const entry = scaleOf(scale, name);
  return stopped ? { ...entry, stopped } : entry;
}

const scaleOf = (scale: Scale, process: string): ScaleEntry =>
  (Object.hasOwn(scale, process) ? scale[process] : undefined) ?? { replicas: 1 };

function workloadsOf(part: Part, process: ProcessContent, scale: ScaleEntry): Manifest[] {
  switch (process.kind) {
    case "service":
    case "stateful":
      return serviceManifests(part, process, scale);
    case "job":
      return process.schedule === "" ? [] : [cronJob(part, process, scale.stopped === true)];
    case "release_job":
      return [];
  }
}

/** Only what answers requests runs beside the active release: for a share of them. */
function variantWorkloads(part: Part & { readonly percent: number }, input: RenderInput): Manifest[] {
  const serving = part.release.processes.filter(({ kind, ports }) => kind === "service" && ports.length > 0);
  return serving.flatMap((process) => {
    const entry = entryOf(input, process);
    const all = replicasOf(entry);
    const replicas = all === 0 ? 0 : Math.max(1, Math.ceil((all * part.percent) / 100));
    return serviceManifests(part, process, { replicas });
  });
}

/** All of them pull with one Secret. */
function pullSecrets(part: Part, beside: readonly Part[]): Manifest[] {
  const secrets = [part, ...beside].map(({ source }) => source.registrySecret).filter((secret) => secret !== "");
  return secrets.length === 0 ? [] : [pullSecret(part.owner, part.secrets, [...new Set(secrets)])];
}

const keyOf = ({ type, object }: Manifest): string => `${type.kind} ${object.metadata.name}`;

/** Releases that mount the same version of a secret have one Secret together. */
function unique(all: readonly Manifest[]): Manifest[] {
  return [...new Map(all.map((each) => [keyOf(each), each])).values()];
}

function refuseNamesakes({ first, releaseJobs, workloads }: Rendered): void {
  const keys = [...first, ...releaseJobs, ...workloads].map(keyOf);
  const twice = keys.find((key, index) => keys.indexOf(key) < index);
  if (twice === undefined) return;
  throw new DomainError("precondition", `two processes need a ${twice}: rename the one whose name ends like that`);
}
