/** The enum of a generated module: names by number and numbers by name. */
type Enum = Readonly<Record<string, string | number>>;

/** The word for a value of an enum, as the API has it: HEALTHY; empty when nothing is stated. */
export function wordOf(words: Enum, value: number | undefined): string {
  const word = words[String(value ?? 0)];
  return word === undefined || word === "UNSPECIFIED" ? "" : String(word);
}

/** The value of an enum for a word of a flag such as read-write-once; undefined for none. */
export function valueOf(words: Enum, word: string): number | undefined {
  const value = words[word.toUpperCase().replaceAll("-", "_")];
  return typeof value === "number" ? value : undefined;
}
