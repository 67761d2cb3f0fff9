import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { observeRuntime } from "./observer.js";

/** What workers do for what runs of deployments: one process of all follows it. */
export function runtimeBackground(platform: Platform): Background {
  return {
    tasks: {},
    controllers: [{ name: "runtime", run: (signal) => observeRuntime(platform, signal) }],
  };
}
