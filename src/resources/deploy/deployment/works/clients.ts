import { DomainError } from "../../../../errors.js";
import { transient, unauthenticated, untrusted } from "../../../../kube/errors.js";
import type { Platform } from "../../../../platform.js";
import { type TargetClient, targetAccess } from "../../target/access.js";
import { failureMessage } from "../../target/failure.js";
import type { TargetKey } from "../../target/store.js";

/** Opens a client for a target. */
export type OpenTarget = (platform: Platform, target: TargetKey) => TargetClient;

/** Clients of targets, shared by the steps of a process. */
export interface TargetClients {
  /**
   * Does something at a target. Throws DomainError "unavailable" when the target is away: it does not answer, fails, or
   * does not let Slipway in; "missing" when it or its cluster is gone; else what the work throws.
   */
  use<T>(target: TargetKey, work: (client: TargetClient) => Promise<T>): Promise<T>;
  /** A client for as long as it is wanted: call `release` then. What fails comes as the client throws it. */
  hold(target: TargetKey): { readonly client: TargetClient; release(): void };
}

/** One that nobody has used for so long is closed. */
const idleMs = 60_000;

interface Shared {
  readonly client: TargetClient;
  users: number;
  timer?: NodeJS.Timeout;
}

/** Opens a client when it is needed, and closes it when nobody has needed it for a minute. */
export function targetClients(platform: Platform, open: OpenTarget = targetAccess): TargetClients {
  const all = new Map<string, Shared>();
  const take = (target: TargetKey): Shared => {
    const shared = all.get(target.id) ?? { client: open(platform, target), users: 0 };
    all.set(target.id, shared);
    clearTimeout(shared.timer);
    shared.users += 1;
    return shared;
  };
  const give = (target: TargetKey, shared: Shared): void => {
    shared.users -= 1;
    if (shared.users > 0) return;
    shared.timer = setTimeout(() => {
      all.delete(target.id);
      shared.client.close();
    }, idleMs).unref();
  };
  return {
    async use(target, work) {
      const shared = take(target);
      try {
        return await work(shared.client);
      } catch (error) {
        if (!isAbout(error)) throw error;
        throw new DomainError("unavailable", failureMessage(error), { cause: error });
      } finally {
        give(target, shared);
      }
    },
    hold(target) {
      const shared = take(target);
      let isHeld = true;
      const release = (): void => {
        if (isHeld) give(target, shared);
        isHeld = false;
      };
      return { client: shared.client, release };
    },
  };
}

/** Whether the target is what failed, rather than what was asked of it. */
function isAbout(error: unknown): boolean {
  return transient(error) || unauthenticated(error) || untrusted(error);
}

/** Whether what failed is that a target is away. */
export const isAway = (error: unknown): error is DomainError =>
  error instanceof DomainError && error.kind === "unavailable";

/** Whether what failed is that a target, or its cluster, is gone for good. */
export const isLost = (error: unknown): error is DomainError =>
  error instanceof DomainError && error.kind === "missing";
