import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { runProbes } from "./prober.js";
import { allProbes } from "./probes.js";

/** What workers do for the health of the platform: one of them probes all of its parts. */
export function healthBackground(platform: Platform): Background {
  return {
    tasks: {},
    controllers: [{ name: "health probes", run: (signal) => runProbes(platform, allProbes(platform), signal) }],
  };
}
