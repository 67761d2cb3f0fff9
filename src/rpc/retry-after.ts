/** The HTTP header that says when to try again, in whole seconds. */
export function retryAfterHeader(afterMs: number): Record<"retry-after", string> {
  return { "retry-after": String(Math.ceil(Math.max(0, afterMs) / 1000)) };
}
