import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { runProbes } from "./prober.js";
import { allProbes, type Probe } from "./probes.js";

/**
 * What workers do for the health of the platform: one of them probes all of its parts. `others` are the probes of
 * what not every platform has, such as a payment processor.
 */
export function healthBackground(platform: Platform, others: readonly Probe[] = []): Background {
  return {
    tasks: {},
    controllers: [{ name: "health probes", run: (signal) => runProbes(platform, allProbes(platform, others), signal) }],
  };
}
