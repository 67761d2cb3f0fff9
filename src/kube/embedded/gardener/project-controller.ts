import type { KubeObject, ObjectStore } from "../types.js";
import type { Controller } from "../walks.js";
import type { ControllerOptions } from "./shoot-controller.js";
import { finalizer, keys, namespaces, type Project, projects } from "./types.js";

/** Gives each Project its namespace, and takes it away with the Project. */
export function startProjectController({ embedded, log }: ControllerOptions): Controller {
  const { store } = embedded;
  // One after the other: there are few, and their changes are quick.
  let working = Promise.resolve();
  const meet = ({ metadata }: KubeObject): void => {
    working = working
      .then(() => settleProject(store, store.get({ ...projects, name: metadata.name }) as Project | undefined))
      .catch((error: unknown) => log.error({ err: error, project: metadata.name }, "a simulated project failed"));
  };
  const unwatch = store.watch(projects, ({ type, object }) => {
    if (type !== "DELETED") meet(object);
  });
  store.list(projects).forEach(meet);
  return {
    async stop() {
      unwatch();
      await working;
    },
  };
}

async function settleProject(store: ObjectStore, project: Project | undefined): Promise<void> {
  if (project === undefined) return;
  const { name, deletionTimestamp } = project.metadata;
  const namespace = project.spec.namespace ?? `garden-${name}`;
  if (deletionTimestamp !== undefined) return await release(store, name, namespace);
  if (project.status?.phase === "Ready" && project.spec.namespace !== undefined) return;
  const labels = { [keys.role]: "project", [keys.projectName]: name };
  const found = await store.modify({ ...namespaces, name: namespace }, (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, ...labels };
  });
  if (found === undefined) await store.create(namespaces, { metadata: { name: namespace, labels } });
  await store.modify({ ...projects, name }, (draft) => {
    draft.spec = { ...draft.spec, namespace };
    draft.status = { ...draft.status, phase: "Ready" };
  });
}

async function release(store: ObjectStore, name: string, namespace: string): Promise<void> {
  await store.delete({ ...namespaces, name: namespace });
  await store.modify({ ...projects, name }, (draft) => {
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  });
}
