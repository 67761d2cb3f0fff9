import { asFields } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { revisions } from "./names.js";
import { podKeys } from "./object-index.js";
import { hashOf, ownedBy, refTo } from "./objects.js";
import type { World } from "./world.js";

/** The label by which pods tell the revision of the template that they were made from. */
export const revisionLabel = "controller-revision-hash";

/** The name of the revision of a template. */
export function revisionName({ metadata, spec }: KubeObject): string {
  return `${metadata.name}-${hashOf(spec?.template)}`;
}

/** Notes the template of an owner as a revision, unless it is noted already, and forgets old ones that nobody has. */
export async function noteRevision(world: World, owner: KubeObject, inUse: ReadonlySet<string>): Promise<void> {
  const all = revisionsOf(world, owner);
  const name = revisionName(owner);
  const newest = Math.max(0, ...all.map(({ revision }) => Number(revision)));
  const found = all.find(({ metadata }) => metadata.name === name);
  if (found === undefined) {
    await world.store.create(revisions, {
      metadata: { name, namespace: owner.metadata.namespace ?? "default", ownerReferences: ownedBy(owner) },
      data: { spec: { template: asFields(owner.spec?.template) } },
      revision: newest + 1,
    });
  } else if (Number(found.revision) < newest) {
    await world.store.modify(refTo(revisions, found), (draft) => {
      draft.revision = newest + 1;
    });
  }
  const limit = Number(owner.spec?.revisionHistoryLimit ?? 10);
  const unused = all.filter(({ metadata }) => metadata.name !== name && !inUse.has(metadata.name));
  for (const old of unused.slice(0, Math.max(0, unused.length - limit))) {
    await world.store.delete(refTo(revisions, old), { uid: old.metadata.uid });
  }
}

/** The template of a revision; undefined when it was forgotten. */
export function templateOf(world: World, owner: KubeObject, name: string): Fields | undefined {
  const found = revisionsOf(world, owner).find(({ metadata }) => metadata.name === name);
  return found && asFields(asFields(asFields(found.data).spec).template);
}

function revisionsOf({ owned }: World, { metadata }: KubeObject): KubeObject[] {
  const all = owned.get(podKeys.owner(metadata.uid)).filter(({ kind }) => kind === "ControllerRevision");
  return all.sort((a, b) => Number(a.revision) - Number(b.revision));
}
