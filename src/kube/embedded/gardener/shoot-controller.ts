import type { DataPlanes } from "../data-plane/data-planes.js";
import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import { type Controller, startWalks } from "../walks.js";
import { advertise, carryOut } from "./data-plane.js";
import { faultOf } from "./faults.js";
import { maintain } from "./maintenance.js";
import { advance, begin, type Phase, phaseKey, phaseOf, settle, start, strike, succeed } from "./operation.js";
import { finalizer, projects, type Shoot, shoots } from "./types.js";

/** What the controllers work with. */
export interface ControllerOptions {
  readonly embedded: EmbeddedKube;
  readonly clock: () => Date;
  /** N runs N times faster. */
  readonly timeScale: number;
  readonly log: KubeLog;
  readonly dataPlanes: DataPlanes;
}

/**
 * Walks every Shoot through its operations. All that it knows is in the Shoots, so after a restart each operation
 * goes on with the step that it was in.
 */
export function startShootController(options: ControllerOptions): Controller {
  const { embedded, clock, timeScale, log } = options;
  return startWalks<Shoot>({
    store: embedded.store,
    resource: shoots,
    next(shoot) {
      const phase = phaseOf(shoot);
      if (phase === undefined) return undefined;
      return { key: phaseKey(shoot, phase), ms: phase.ms, carryOut: () => changeOf(options, shoot, phase) };
    },
    opening: () => readvertise(options),
    clock,
    timeScale,
    onError: (error, shoot) => log.error({ err: error, shoot }, "a step of the simulation failed"),
  });
}

/** The server's address may have changed since the last run. */
async function readvertise({ embedded, dataPlanes }: ControllerOptions): Promise<void> {
  for (const object of embedded.store.list(shoots) as Shoot[]) {
    const { technicalID, advertisedAddresses } = object.status ?? {};
    if (technicalID === undefined || advertisedAddresses === undefined) continue;
    const note = await advertise({ embedded, dataPlanes }, technicalID);
    const { name, namespace } = object.metadata;
    await embedded.store.modify({ ...shoots, name, namespace }, (draft) => note(draft as Shoot));
  }
}

type Change = (draft: Shoot, now: Date) => void;

async function changeOf(options: ControllerOptions, shoot: Shoot, phase: Phase): Promise<Change> {
  const { embedded, clock } = options;
  switch (phase.do) {
    case "begin":
      return (draft, now) => begin(draft, phase.type, technicalIdOf(embedded, draft), now);
    case "maintain":
      return (draft) => maintain(draft, embedded.store);
    case "start":
    case "resume":
      return start;
    case "settle":
      return settle;
    case "step": {
      const fault = faultOf(shoot, phase.step.name);
      if (fault !== undefined) return (draft, now) => strike(draft, fault, now);
      const outcome = await carryOut(options, shoot, phase.step.name, clock());
      return (draft, now) => {
        outcome(draft);
        if (phase.next !== undefined) advance(draft, phase.next, now);
        else if (draft.status?.lastOperation?.type === "Delete") dropFinalizer(draft);
        else succeed(draft, now);
      };
    }
  }
}

function dropFinalizer({ metadata }: Shoot): void {
  metadata.finalizers = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
}

/** `shoot--<project>--<name>`, where the project is the one that the namespace belongs to. */
function technicalIdOf(embedded: EmbeddedKube, { metadata }: Shoot): string {
  const project = embedded.store.list(projects).find(({ spec }) => spec?.namespace === metadata.namespace);
  return `shoot--${project?.metadata.name ?? metadata.namespace}--${metadata.name}`;
}
