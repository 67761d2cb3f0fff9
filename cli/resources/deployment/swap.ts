import type { Command } from "commander";
import { setsFields } from "../../fields.js";
import { run } from "../../run.js";
import type { Session } from "../../session.js";
import { addChange, changeFields, optionsOf, settle } from "../change.js";
import { deploymentIdOf } from "../deployments.js";
import { addEnvironment, environmentOf } from "../environments.js";
import { examples } from "../examples.js";
import { routeResource, routes } from "../routes.js";
import type { OperationFlags } from "./operate.js";

/** Adds `swap`. */
export function addSwap(group: Command): void {
  const swap = addChange(addEnvironment(group.command("swap")))
    .description("exchange all routes of two deployments in one step")
    .argument("<first>", "the one: its name or uuid")
    .argument("<second>", "the other: its name or uuid")
    .action(run(swapRoutes));
  setsFields(swap, changeFields);
  examples(swap, "slipway deployment swap web-blue web-green --wait");
}

async function swapRoutes(session: Session, one: string, other: string, flags: OperationFlags): Promise<void> {
  const environment = await environmentOf(session, flags);
  const [first, second] = [await deploymentIdOf(session, one, flags), await deploymentIdOf(session, other, flags)];
  const project = await session.project();
  const answer = await (await routes(session)).swap({ project, environment, first, second, options: optionsOf(flags) });
  await settle(session, flags, { tasks: answer.tasks, title: `routes of ${one} and ${other}` });
  await session.out.list(routeResource.kind, answer.routes);
}
