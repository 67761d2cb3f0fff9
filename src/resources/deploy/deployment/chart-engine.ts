import { DomainError } from "../../../errors.js";
import type { ChartSource, SourceContent } from "../spec/content.js";
import type { TargetRow } from "../target/store.js";

/** The API group by which a target shows that it has an engine for charts. */
const groups = { flux: "helm.toolkit.fluxcd.io", argo_cd: "argoproj.io" } as const;
const names = { flux: "Flux", argo_cd: "Argo CD" } as const;

const has = ({ capabilities }: TargetRow, engine: ChartSource["engine"]): boolean =>
  Object.hasOwn(capabilities, groups[engine]);

/** What installs charts on a target unless somebody says: what did so far, else Flux, else Argo CD. */
export function usualEngine(target: TargetRow, present?: SourceContent): ChartSource["engine"] {
  if (present?.type === "chart" && has(target, present.engine)) return present.engine;
  return !has(target, "flux") && has(target, "argo_cd") ? "argo_cd" : "flux";
}

/** Throws "precondition" for a chart that the target has nothing to install with. */
export function refuseUninstallable(source: SourceContent, target: TargetRow): void {
  if (source.type !== "chart") return;
  const { engine } = source;
  if (!has(target, engine) && target.connection === "pending") {
    const wait = "try again when it is CONNECTED";
    throw new DomainError(
      "precondition",
      `target ${target.name} was not reached yet, so what it has is not known: ${wait}`,
    );
  }
  if (!has(target, engine)) {
    const what = has(target, engine === "flux" ? "argo_cd" : "flux") ? names[engine] : "neither Flux nor Argo CD";
    const shown = what === names[engine] ? `no ${what}` : what;
    throw new DomainError("precondition", `target ${target.name} has ${shown}, which charts need: install it there`);
  }
  if (engine === "argo_cd" && source.secretValues.length > 0) {
    throw new DomainError("precondition", "Argo CD cannot take values of charts from secrets: use Flux");
  }
}
