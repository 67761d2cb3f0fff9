import { definitionsName } from "./custom-types.js";
import { definitionFinalizer } from "./defaults.js";
import { asFields, asText } from "./fields.js";
import type { ClusterStore } from "./store.js";
import type { KubeObject } from "./types.js";

/** Removes the objects of a definition in deletion, and then lets the definition go. */
export function startDefinitionController(store: ClusterStore, onError: (error: unknown) => void): () => void {
  const sweep = async (definition: KubeObject) => {
    const resource = resourceOf(definition);
    for (const { metadata } of store.collection(resource).all()) {
      await store.delete({ ...resource, namespace: metadata.namespace, name: metadata.name });
    }
    await store.modify({ ...definitionsName, name: definition.metadata.name }, (draft) => {
      if (!draft.metadata.deletionTimestamp || store.collection(resource).all().length > 0) return;
      draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((entry) => entry !== definitionFinalizer);
    });
  };
  const check = (definition: KubeObject) => {
    if (definition.metadata.deletionTimestamp) sweep(definition).catch(onError);
  };
  for (const definition of store.list(definitionsName)) check(definition);
  return store.watchAll((resource, event) => {
    const { group, resource: plural } = resource;
    if (group === definitionsName.group && plural === definitionsName.resource) {
      if (event.type === "MODIFIED" && !event.previous?.metadata.deletionTimestamp) check(event.object);
    } else if (event.type === "DELETED") {
      const definition = store.get({ ...definitionsName, name: `${plural}.${group}` });
      if (definition && store.collection(resource).all().length === 0) check(definition);
    }
  });
}

function resourceOf(definition: KubeObject): { group: string; resource: string } {
  const names = asFields(definition.spec?.names);
  return { group: asText(definition.spec?.group), resource: asText(names.plural) };
}
