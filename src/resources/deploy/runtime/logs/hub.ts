import type { Logger } from "pino";
import { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { type TargetClients, targetClients } from "../../deployment/works/clients.js";
import type { TargetKey } from "../../target/store.js";
import { followInstances, type InstanceListener, type LogInstance, type PodSelection } from "./instances.js";
import { type LogPlace, openPodLog, type PodLog } from "./pod-log.js";

/** What the followers of logs in this process share: each log is read once, and each deployment's pods are watched once. */
export interface LogHub {
  /** Clients of targets. */
  readonly targets: TargetClients;
  /** The log of a container; throws "exhausted" when too many of the target are read. */
  podLog(target: TargetKey, place: LogPlace): PodLog;
  /**
   * Tells of pods as they come and go, those that are there first, until the returned function is called. Throws
   * "exhausted" when too many deployments of the target are followed.
   */
  watch(target: TargetKey, selection: PodSelection, listener: InstanceListener): () => void;
}

/** What is followed of one target at once: each holds a connection to its API server, which has some left for calls. */
const mostLogs = 50;
const mostDeployments = 50;

interface Watched {
  readonly listeners: Set<InstanceListener>;
  readonly target: string;
  readonly known: Map<string, LogInstance>;
  stop(): void;
}

/** Makes what is shared. */
export function createLogHub(platform: Platform): LogHub {
  const targets = targetClients(platform);
  return { targets, podLog: sharedLogs(targets), watch: sharedWatches(targets, platform.log) };
}

function sharedLogs(targets: TargetClients): LogHub["podLog"] {
  const logs = new Map<string, Map<string, PodLog>>();
  return (target, place) => {
    const ofTarget = logs.get(target.id) ?? new Map<string, PodLog>();
    const name = [place.pod.namespace, place.pod.name, place.uid, place.container].join("/");
    const known = ofTarget.get(name);
    if (known !== undefined) return known;
    if (ofTarget.size >= mostLogs) {
      throw new DomainError("exhausted", `${mostLogs} logs of the target are followed already: name some instances`);
    }
    const held = targets.hold(target);
    const opened = openPodLog(held.client, place, () => {
      ofTarget.delete(name);
      if (ofTarget.size === 0) logs.delete(target.id);
      held.release();
    });
    logs.set(target.id, ofTarget.set(name, opened));
    return opened;
  };
}

function sharedWatches(targets: TargetClients, log: Logger): LogHub["watch"] {
  const watches = new Map<string, Watched>();
  const added = (target: TargetKey, selection: PodSelection): Watched => {
    if ([...watches.values()].filter((each) => each.target === target.id).length >= mostDeployments) {
      const message = `the logs of ${mostDeployments} deployments of the target are followed already: try again later`;
      throw new DomainError("exhausted", message);
    }
    return openWatch(targets, target, selection, log);
  };
  return (target, selection, listener) => {
    const name = `${target.id}/${selection.namespace}/${selection.labelSelector}`;
    const watched = watches.get(name) ?? added(target, selection);
    watches.set(name, watched);
    watched.listeners.add(listener);
    for (const instance of watched.known.values()) listener.there(instance);
    return () => {
      if (!watched.listeners.delete(listener) || watched.listeners.size > 0) return;
      watches.delete(name);
      watched.stop();
    };
  };
}

function openWatch(targets: TargetClients, target: TargetKey, selection: PodSelection, log: Logger): Watched {
  const ending = new AbortController();
  const held = targets.hold(target);
  const listeners = new Set<InstanceListener>();
  const known = new Map<string, LogInstance>();
  const listener: InstanceListener = {
    there(instance) {
      known.set(instance.name, instance);
      for (const each of listeners) each.there(instance);
    },
    gone(name) {
      known.delete(name);
      for (const each of listeners) each.gone(name);
    },
  };
  const options = { signal: ending.signal, log };
  void followInstances(held.client, selection, listener, options).finally(() => held.release());
  return { target: target.id, listeners, known, stop: () => ending.abort() };
}
