import type { Interceptor } from "@connectrpc/connect";

/** Tells of each call when it has ended, for --verbose: method, outcome, milliseconds, request id; never a body. */
export function tracing(tell: (line: string) => void): Interceptor {
  return (next) => async (request) => {
    const begun = performance.now();
    const line = (outcome: string, headers?: Headers): void => {
      const id = headers?.get("x-request-id");
      const ms = Math.round(performance.now() - begun);
      tell(
        `${request.service.typeName}/${request.method.name} ${outcome} ${ms}ms${id === undefined || id === null ? "" : ` request ${id}`}`,
      );
    };
    try {
      const answer = await next(request);
      line(answer.stream ? "streams" : "ok", answer.header);
      return answer;
    } catch (error) {
      const { code, metadata } = error as { code?: number; metadata?: Headers };
      line(`failed with code ${code ?? "unknown"}`, metadata);
      throw error;
    }
  };
}
