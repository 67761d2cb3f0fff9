import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/ts/grpc/health/v1/health_pb.js";

/** Whether this process takes calls, and word of each change. */
export interface Readiness {
  ready(): boolean;
  /** Calls the listener after each change; returns a function that stops it. */
  onChange(listener: () => void): () => void;
}

/**
 * Serves grpc.health.v1 for the server as a whole ("") and for each service by
 * name; all of them serve or none does.
 */
export function registerHealth(
  router: ConnectRouter,
  readiness: Readiness,
  services: readonly DescService[],
  interceptors: Interceptor[],
): void {
  const names = ["", ...services.map(({ typeName }) => typeName)];
  const status = () => (readiness.ready() ? Status.SERVING : Status.NOT_SERVING);
  const known = (name: string) => names.includes(name);
  router.service(
    Health,
    {
      check({ service }) {
        if (!known(service)) throw new ConnectError("no such service is served here", Code.NotFound);
        return { status: status() };
      },
      list: () => ({ statuses: Object.fromEntries(names.map((name) => [name, { status: status() }])) }),
      async *watch({ service }, { signal }) {
        const changes = changesOf(readiness, signal);
        try {
          let last: Status | undefined;
          do {
            const now = known(service) ? status() : Status.SERVICE_UNKNOWN;
            if (now !== last) yield { status: now };
            last = now;
          } while (await changes.next());
        } finally {
          changes.stop();
        }
      },
    },
    { interceptors },
  );
}

/** Waits for changes; those that come while nobody waits count as one. */
function changesOf(readiness: Readiness, signal: AbortSignal) {
  let pending = false;
  let wake = () => {};
  const onChange = () => {
    pending = true;
    wake();
  };
  const stop = readiness.onChange(onChange);
  signal.addEventListener("abort", onChange, { once: true });
  return {
    stop,
    /** Resolves at the next change; false when the reader is gone. */
    async next(): Promise<boolean> {
      if (!pending && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
      pending = false;
      return !signal.aborted;
    },
  };
}
