import type { Tone } from "../../kit/status-badge.js";

const tones: Readonly<Record<string, Tone>> = {
  Bound: "good",
  Available: "good",
  Ready: "good",
  Pending: "busy",
  Released: "warn",
  Failed: "bad",
};

/** What the state of a volume or snapshot means. */
export function toneOf(state: string): Tone {
  return tones[state] ?? "quiet";
}

/** The nodes to which a volume is attached; an attachment reads `csi:host:NODE.node`. */
export function nodesOf(attachedTo: readonly string[]): readonly string[] {
  return attachedTo.map((each) => /:host:(.+)\.node$/.exec(each)?.[1] ?? each);
}

/** Whether a label belongs to the platform, so that nobody else can change it. */
export function isPlatformLabel(key: string): boolean {
  const [prefix, name] = key.split("/");
  return name !== undefined && /(^|\.)(kubernetes\.io|k8s\.io|slipway\.dev)$/.test(prefix ?? "");
}
