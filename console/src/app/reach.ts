import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

const listeners = new Set<() => void>();
const returned = new Set<() => void>();
let away = false;
let isProbing = false;
let wake: (() => void) | undefined;

/** Whether the server can be reached: asked of it whenever a call fails as if it could not. */
export const reach = {
  away: (): boolean => away,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Is told each time the server is back. */
  onReturn(listener: () => void): () => void {
    returned.add(listener);
    return () => returned.delete(listener);
  },
  /** Looks now, and goes on until the server answers. */
  doubt(): void {
    if (isProbing) return;
    isProbing = true;
    void probe().finally(() => {
      isProbing = false;
    });
  },
  /** Does not wait for the next look. */
  tryNow(): void {
    wake?.();
  },
};

/** Watches the calls of the page for signs that the server is away. */
export const reachInterceptor: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    // UNAVAILABLE may also come from the server, of something behind it: the probe tells.
    if (looksAway(error)) reach.doubt();
    throw error;
  }
};

/** Whether an error may mean that the server is away. */
export function looksAway(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  const { code, cause } = ConnectError.from(error);
  return code === Code.Unavailable || cause instanceof TypeError;
}

async function probe(): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    if (await answers()) {
      if (!away) return;
      set(false);
      for (const listener of returned) listener();
      return;
    }
    set(true);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(1_000 * 1.6 ** attempt, 10_000));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(5_000) })).ok;
  } catch {
    return false;
  }
}

function set(next: boolean): void {
  if (away === next) return;
  away = next;
  for (const listener of listeners) listener();
}
