import { type Command, Option } from "commander";
import { addLooks } from "../resources/deployment/look.js";
import { addDeployedDelete, addOperations } from "../resources/deployment/operate.js";
import { addRunning } from "../resources/deployment/running.js";
import { addScaling } from "../resources/deployment/scale.js";
import { addSwap } from "../resources/deployment/swap.js";
import { addCreate, addUpdate } from "../resources/deployment/write.js";
import { deploymentResource } from "../resources/deployments.js";
import { addLabels } from "../resources/labels.js";
import { addHistory } from "../resources/releases.js";
import { addGet, addList } from "../resources/resource.js";

const phases = ["idle", "working", "failed", "stopped", "deleting"];

/** `slipway deployment`: applications and charts that run on targets. */
export function deploymentCommands(group: Command): void {
  addList(group, deploymentResource, "list the deployments of the project", (command) =>
    addLabels(command, "only those with this label; may come several times")
      .option("--target <target>", "only those on this target: its name or uuid")
      .addOption(new Option("--phase <phase>", "only those in this phase").choices(phases)),
  );
  addGet(group, deploymentResource);
  addCreate(group);
  addUpdate(group);
  addScaling(group);
  addOperations(group);
  addSwap(group);
  addDeployedDelete(group);
  addLooks(group);
  addHistory(group, "history", "list the releases of a deployment, newest first");
  addRunning(group);
}
