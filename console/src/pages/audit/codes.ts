import { Code } from "@connectrpc/connect";
import type { Choice } from "../../kit/form/layout.js";
import type { Tone } from "../../kit/status-badge.js";

const words = (name: string): string => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");

/** The gRPC status codes, success first. */
export const codeChoices: readonly Choice[] = [
  { value: "0", label: "OK" },
  ...Object.entries(Code)
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => ({ value: String(value), label: words(name) })),
];

/** How a call ended, in a word. */
export function codeText(code: number | undefined): string {
  if (code === undefined) return "–";
  return codeChoices.find(({ value }) => value === String(code))?.label ?? `Code ${code}`;
}

/** Whether a call ended well, was refused, or failed by a defect. */
export function codeTone(code: number): Tone {
  if (code === 0) return "good";
  const isDefect = code === Code.Internal || code === Code.Unknown || code === Code.DataLoss;
  return isDefect ? "bad" : "warn";
}
