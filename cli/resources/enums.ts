/** The enum of a generated module: names by number and numbers by name. */
export type Words = Readonly<Record<string, string | number>>;

/** The word for a value of an enum, as the API has it: HEALTHY; empty when nothing is stated. */
export function wordOf(words: Words, value: number | undefined): string {
  const word = String(words[String(value ?? 0)] ?? "").slice(prefixOf(words).length);
  return word === "UNSPECIFIED" ? "" : word;
}

/** The value of an enum for a word of a flag such as read-write-once; undefined for none. */
export function enumValueOf(words: Words, word: string): number | undefined {
  const value = words[`${prefixOf(words)}${word.toUpperCase().replaceAll("-", "_")}`];
  return typeof value === "number" ? value : undefined;
}

/** Generated names have no prefix, but where the name of the enum has capitals in a row. */
const prefixOf = (words: Words): string => String(words["0"] ?? "").replace(/UNSPECIFIED$/, "");
