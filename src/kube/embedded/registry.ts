import { builtinFieldLabels, builtinTypes } from "./builtin-types.js";
import { customTypes } from "./custom-types.js";
import type { ApiExtension, ResourceType } from "./extension.js";
import { reviewTypes } from "./reviews.js";
import type { ServedType } from "./served-type.js";
import type { KubeObject, ResourceName } from "./types.js";

/** What one virtual cluster serves at this moment. */
export interface Registry {
  types(): readonly ServedType[];
  /** The type behind a path. */
  find(group: string, version: string, resource: string): ServedType | undefined;
  /** Any version of a resource. */
  typeOf(resource: ResourceName): ServedType | undefined;
  /** Changes whenever the types do. */
  readonly revision: number;
}

/** Builds the registry; `definitions` answers the CustomResourceDefinitions as they are, `stamp` changes with them. */
export function createRegistry(
  extensions: readonly ApiExtension[],
  definitions: () => readonly KubeObject[],
  stamp: () => number,
): Registry {
  const fixed: ServedType[] = [
    ...[...builtinTypes, ...reviewTypes].map(builtin),
    ...extensions.flatMap(({ resources }) => resources).map((type) => ({ ...type, origin: "extension" as const })),
  ];
  const taken = new Set(fixed.map(({ group, resource }) => `${group}/${resource}`));
  let built = { stamp: -1, types: fixed, byPath: new Map<string, ServedType>(), byName: new Map<string, ServedType>() };

  const current = () => {
    if (built.stamp === stamp()) return built;
    const custom = definitions()
      .flatMap(customTypes)
      .filter(({ group, resource }) => !taken.has(`${group}/${resource}`));
    const types = [...fixed, ...custom];
    built = {
      stamp: stamp(),
      types,
      byPath: new Map(types.map((type) => [`${type.group}/${type.version}/${type.resource}`, type])),
      byName: new Map(types.toReversed().map((type) => [`${type.group}/${type.resource}`, type])),
    };
    return built;
  };
  return {
    types: () => current().types,
    find: (group, version, resource) => current().byPath.get(`${group}/${version}/${resource}`),
    typeOf: ({ group, resource }) => current().byName.get(`${group}/${resource}`),
    get revision() {
      return current().stamp;
    },
  };
}

function builtin(type: ResourceType): ServedType {
  const fieldLabels = builtinFieldLabels[`${type.group}/${type.resource}`] ?? [];
  return { ...type, origin: "builtin", fieldLabels };
}
