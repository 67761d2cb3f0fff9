import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { observeTargets } from "./observer.js";
import type { TargetVisitor } from "./visitor.js";

/** What workers do for targets: one process of all looks at them. */
export function targetBackground(platform: Platform, visitors: readonly TargetVisitor[]): Background {
  return {
    tasks: {},
    controllers: [{ name: "targets", run: (signal) => observeTargets(platform, visitors, signal) }],
  };
}
