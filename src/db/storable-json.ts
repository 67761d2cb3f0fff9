/** What the database's text cannot hold: U+0000, and half of a surrogate pair, as a text that was cut may end with. */
const unstorable = /[\0\p{Surrogate}]/u;

/** A text as the database can store it. */
export const storableText = (text: string): string =>
  unstorable.test(text) ? text.replaceAll("\u0000", "").replaceAll(/\p{Surrogate}/gu, "\ufffd") : text;

/** A value as JSON that the database can read as `jsonb` and take apart, whatever its texts and keys are. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === "string") return storableText(one);
    if (typeof one !== "object" || one === null || !Object.keys(one).some((key) => unstorable.test(key))) return one;
    return Object.fromEntries(Object.entries(one).map(([key, each]) => [storableText(key), each]));
  });
}
