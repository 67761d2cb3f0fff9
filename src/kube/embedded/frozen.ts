const known = new WeakSet<object>();

/**
 * A deep-frozen copy of JSON data without undefined fields. Parts that were
 * frozen here before are shared, not copied.
 */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || known.has(value)) return value;
  const copy = Array.isArray(value)
    ? value.map(frozen)
    : Object.fromEntries(
        Object.entries(value)
          .filter(([, field]) => field !== undefined)
          .map(([key, field]) => [key, frozen(field)]),
      );
  known.add(copy);
  return Object.freeze(copy) as T;
}
