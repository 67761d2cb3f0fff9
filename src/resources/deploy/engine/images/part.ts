import { DomainError } from "../../../../errors.js";
import type { ResourceType } from "../../../../kube/objects.js";
import type { ImageSource, WholeRelease } from "../../spec/content.js";
import type { Manifest, ObjectOwner, RenderInput, SecretContents } from "../engine.js";
import { labels, ownLabels } from "../labels.js";

/** A release of an image as it is rendered: the active one, or one that runs beside it. */
export interface Part {
  readonly owner: ObjectOwner;
  readonly number: number;
  readonly release: WholeRelease;
  readonly source: ImageSource;
  /** Its number when it runs beside the active release. */
  readonly variant: number | undefined;
  readonly secrets: SecretContents;
  readonly claims: RenderInput["claims"];
  readonly rolloutSeconds: number;
}

const standardRolloutSeconds = 600;

/** The active release of an input. Throws DomainError "precondition" for a chart. */
export function activePart(input: RenderInput): Part {
  return partOf(input, input.number, input.release, undefined);
}

/** The releases beside the active one. Throws DomainError "precondition" for a chart. */
export function variantParts(input: RenderInput): (Part & { readonly percent: number })[] {
  return input.variants
    .filter(({ number }) => number !== input.number)
    .map(({ number, release, percent }) => ({ ...partOf(input, number, release, number), percent }));
}

function partOf(input: RenderInput, number: number, release: WholeRelease, variant: number | undefined): Part {
  const { owner, secrets, claims, rolloutSeconds = standardRolloutSeconds } = input;
  const { source } = release;
  if (source.type !== "image") {
    throw new DomainError("precondition", `release ${number} is a chart, which cannot run beside an image`);
  }
  return { owner, number, release, source, variant, secrets, claims, rolloutSeconds };
}

const variantValue = ({ variant }: Part): string => (variant === undefined ? "active" : String(variant));

/** What all objects of a process carry. */
export function processLabels(part: Part, process: string): Record<string, string> {
  return { ...ownLabels(part.owner), [labels.process]: process, [labels.variant]: variantValue(part) };
}

/** What Pods of a process carry. */
export function podLabels(part: Part, process: string): Record<string, string> {
  return { ...processLabels(part, process), [labels.release]: String(part.number) };
}

/** What selects the Pods of a process: the same for all releases, as selectors cannot be changed. */
export function selectorOf(part: Part, process: string): Record<string, string> {
  return {
    [labels.deployment]: part.owner.deployment,
    [labels.process]: process,
    [labels.variant]: variantValue(part),
  };
}

/** An object in the namespace of its owner. */
export function manifest(
  type: ResourceType,
  owner: ObjectOwner,
  metadata: { readonly name: string; readonly labels: Record<string, string> },
  content: Readonly<Record<string, unknown>>,
): Manifest {
  return { type, object: { metadata: { namespace: owner.namespace, ...metadata }, ...content } };
}
