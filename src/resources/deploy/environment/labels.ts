import { invalidField } from "../../../errors.js";

const namePattern = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const prefixPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const longestPrefix = 253;
const longestEcho = 100;

/** Whether Kubernetes takes a text for the key of a label or taint: `[PREFIX/]NAME`. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf("/");
  if (slash === -1) return namePattern.test(text);
  const prefix = text.slice(0, slash);
  return prefix.length <= longestPrefix && prefixPattern.test(prefix) && namePattern.test(text.slice(slash + 1));
}

/** Whether Kubernetes takes a text for the value of a label or taint: a name, or nothing. */
export const isLabelValue = (text: string): boolean => text === "" || namePattern.test(text);

/** The labels of a request; throws "invalid" for what Kubernetes would refuse. */
export function labelsOf(field: string, labels: Readonly<Record<string, string>>): Record<string, string> {
  for (const [key, value] of Object.entries(labels)) {
    const shown = JSON.stringify(key.slice(0, longestEcho));
    if (!isLabelKey(key)) {
      throw invalidField(field, `${shown} is no key of a label: [PREFIX/]NAME, the name of at most 63 characters`);
    }
    if (!isLabelValue(value)) {
      throw invalidField(
        field,
        `the value of ${shown} must be at most 63 letters, digits, dashes, dots and underscores, a letter or digit first and last`,
      );
    }
  }
  return { ...labels };
}
