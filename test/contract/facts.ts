/**
 * A contract as a flat list of facts: what it is about (the full name of a
 * message, field, method…) to what is said of it.
 */
export type Facts = ReadonlyMap<string, string>;

/** Names each fact in which two contracts differ, one message per difference. */
export function differences(published: Facts, compiled: Facts): string[] {
  const subjects = [...new Set([...published.keys(), ...compiled.keys()])].sort();
  return subjects.flatMap((subject) => {
    const expected = published.get(subject);
    const actual = compiled.get(subject);
    if (expected === actual) return [];
    if (actual === undefined) return [`${subject}: published as "${expected}", but missing`];
    if (expected === undefined) return [`${subject}: "${actual}" is not published`];
    return [`${subject}: published as "${expected}", but is "${actual}"`];
  });
}

/** Validation rules in one order: "string.max_len=12 string.min_len=2". */
export function ruleText(rules: ReadonlyMap<string, unknown>): string {
  return [...rules]
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .sort()
    .join(" ");
}
