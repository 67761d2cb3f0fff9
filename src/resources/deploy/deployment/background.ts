import type { Platform } from "../../../platform.js";
import type { Background } from "../../background.js";
import { taskBackground } from "../task/background.js";
import { dependentsTask, releaseDependents } from "./dependents.js";
import { works } from "./works/works.js";

/** What workers do for deployments: their tasks, and releases of what follows secrets. */
export function deploymentBackground(platform: Platform): Background {
  const { tasks, ...rest } = taskBackground(platform, works(platform));
  return { ...rest, tasks: { ...tasks, [dependentsTask]: releaseDependents(platform) } };
}
