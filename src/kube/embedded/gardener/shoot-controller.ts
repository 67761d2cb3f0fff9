import type { EmbeddedKube, KubeLog } from "../embedded-kube.js";
import type { KubeObject, ObjectRef } from "../types.js";
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
}

/** A running controller; `stop` resolves when nothing of it runs any more. */
export interface Controller {
  stop(): Promise<void>;
}

/** One Shoot: the phase that it waits for, and the work that is being done. */
interface Walk {
  readonly ref: ObjectRef;
  readonly uid: string;
  waiting: { readonly key: string; readonly timer: NodeJS.Timeout } | undefined;
  working: Promise<void> | undefined;
}

/**
 * Walks every Shoot through its operations. All that it knows is in the Shoots; in memory are only the timers, so
 * after a restart each operation goes on with the step that it was in.
 */
export function startShootController(options: ControllerOptions): Controller {
  const { store } = options.embedded;
  const walks = new Map<string, Walk>();
  let stopped = false;
  const look = (walk: Walk): void => {
    if (stopped || walk.working !== undefined) return;
    if (schedule(options, walk, () => work(walk)) === "gone") walks.delete(walk.uid);
  };
  const work = (walk: Walk): void => {
    walk.waiting = undefined;
    walk.working = passSafely(options, walk).then(() => {
      walk.working = undefined;
      look(walk);
    });
  };
  const meet = ({ metadata }: KubeObject): void => {
    const { uid, name, namespace } = metadata;
    const walk = walks.get(uid) ?? { ref: { ...shoots, name, namespace }, uid, waiting: undefined, working: undefined };
    walks.set(uid, walk);
    look(walk);
  };
  const unwatch = store.watch(shoots, ({ object }) => meet(object));
  const opening = readvertise(options)
    .catch((error: unknown) => options.log.error({ err: error }, "the addresses of simulated clusters are out of date"))
    .then(() => store.list(shoots).forEach(meet));
  return {
    async stop() {
      unwatch();
      await opening;
      stopped = true;
      for (const { waiting } of walks.values()) clearTimeout(waiting?.timer);
      await Promise.all([...walks.values()].map(({ working }) => working));
    },
  };
}

/** Sets the timer for what a Shoot is waiting for, unless that runs already. */
function schedule({ embedded, timeScale }: ControllerOptions, walk: Walk, work: () => void): "gone" | "there" {
  const shoot = current(embedded.store.get(walk.ref), walk.uid);
  const phase = shoot && phaseOf(shoot);
  const key = shoot && phase ? phaseKey(shoot, phase) : undefined;
  if (walk.waiting === undefined || walk.waiting.key !== key) {
    clearTimeout(walk.waiting?.timer);
    walk.waiting = phase && key ? { key, timer: setTimeout(work, phase.ms / timeScale) } : undefined;
  }
  return shoot === undefined ? "gone" : "there";
}

/** A fault of the simulation itself is logged, and the same phase waits its time again. */
async function passSafely(options: ControllerOptions, walk: Walk): Promise<void> {
  try {
    await pass(options, walk);
  } catch (error) {
    options.log.error({ err: error, shoot: walk.ref.name }, "a step of the simulation failed");
  }
}

/** The server's address may have changed since the last run. */
async function readvertise({ embedded }: ControllerOptions): Promise<void> {
  for (const object of embedded.store.list(shoots) as Shoot[]) {
    const { technicalID, advertisedAddresses } = object.status ?? {};
    if (technicalID === undefined || advertisedAddresses === undefined) continue;
    const note = await advertise(embedded, technicalID);
    const { name, namespace } = object.metadata;
    await embedded.store.modify({ ...shoots, name, namespace }, (draft) => note(draft as Shoot));
  }
}

function current(object: KubeObject | undefined, uid: string): Shoot | undefined {
  return object?.metadata.uid === uid ? (object as Shoot) : undefined;
}

/** Carries out the phase that a Shoot was waiting for. */
async function pass(options: ControllerOptions, { ref, uid }: Walk): Promise<void> {
  const { embedded, clock } = options;
  const shoot = current(embedded.store.get(ref), uid);
  const phase = shoot && phaseOf(shoot);
  if (shoot === undefined || phase === undefined) return;
  const key = phaseKey(shoot, phase);
  const change = await changeOf(options, shoot, phase);
  await embedded.store.modify(ref, (object) => {
    const draft = object as Shoot;
    const now = phaseOf(draft);
    // Somebody may have deleted or replaced it meanwhile: then the next look decides anew.
    if (draft.metadata.uid !== uid || now === undefined || phaseKey(draft, now) !== key) return;
    change(draft, clock());
  });
}

type Change = (draft: Shoot, now: Date) => void;

async function changeOf({ embedded, clock }: ControllerOptions, shoot: Shoot, phase: Phase): Promise<Change> {
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
      const outcome = await carryOut(embedded, shoot, phase.step.name, clock());
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
