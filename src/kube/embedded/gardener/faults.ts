import type { KubeObject } from "../types.js";
import { stepNames } from "./steps.js";
import { keys } from "./types.js";

/** A fault that a test has asked for by annotation. */
export interface Fault {
  readonly step: string;
  readonly code: string;
  /** How often the step still ends in Error; "always" for ever, "failed" once and for good, until a retry. */
  readonly times: number | "always" | "failed";
}

/** Reads `<step>:<code>:<times>`; undefined for anything else. The steps are those of Shoots unless given. */
export function parseFault(text: string, steps: ReadonlySet<string> = stepNames): Fault | undefined {
  const [step = "", code = "", times = "", more] = text.split(":");
  if (more !== undefined || !steps.has(step) || !/^ERR_[A-Z_]+$/.test(code)) return undefined;
  if (times === "always" || times === "failed") return { step, code, times };
  return /^[1-9]\d{0,3}$/.test(times) ? { step, code, times: Number(times) } : undefined;
}

/** The fault that strikes this step of an object, if any. */
export function faultOf(object: KubeObject, step: string, steps?: ReadonlySet<string>): Fault | undefined {
  const fault = parseFault(object.metadata.annotations?.[keys.fail] ?? "", steps);
  return fault?.step === step ? fault : undefined;
}

/** Counts a fault that has struck; what is left stays in the annotation, and so survives a restart. */
export function useUp(draft: KubeObject, fault: Fault): void {
  if (fault.times === "always") return;
  const annotations = { ...draft.metadata.annotations };
  if (fault.times === "failed" || fault.times === 1) delete annotations[keys.fail];
  else annotations[keys.fail] = `${fault.step}:${fault.code}:${fault.times - 1}`;
  draft.metadata.annotations = annotations;
}
