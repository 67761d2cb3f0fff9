import { type Command, Option } from "commander";
import type { Release } from "../../gen/ts/deploy/v1/release_pb.js";
import { confirmed } from "../confirmed.js";
import { setsFields } from "../fields.js";
import { wholeNumber } from "../flags.js";
import { addChange, type ChangeFlags, changeFields, optionsOf, settle } from "../resources/change.js";
import { type DeploymentPlace, placeOf } from "../resources/deployments.js";
import { enumValueOf } from "../resources/enums.js";
import { addEnvironment, type EnvironmentFlag } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { printReleaseDifference } from "../resources/release-difference.js";
import { addHistory, releaseKind, releases } from "../resources/releases.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

type OperationFlags = EnvironmentFlag & ChangeFlags;

const number = wholeNumber(1, 2_147_483_647);

/** `slipway release`: what a deployment ran and runs. */
export function releaseCommands(group: Command): void {
  addHistory(group, "list", "list the releases of a deployment, newest first").alias("ls");
  ofRelease(group.command("get"))
    .description("show one release; -o yaml has its source, processes and configuration")
    .action(
      run(async (session, reference: string, which: number, flags: EnvironmentFlag) => {
        await session.out.one(releaseKind, await getRelease(session, await placeOf(session, reference, flags), which));
      }),
    );
  const diff = ofDeployment(group.command("diff"))
    .description("show what differs between two releases, as a patch of their YAML")
    .argument("<from>", "the number of the one", number)
    .argument("<to>", "the number of the other", number)
    .action(run(diffReleases));
  examples(diff, "slipway release diff web 1 2");
  addRollback(group);
  setsFields(addChange(ofDeployment(group.command("redeploy"))), changeFields)
    .description("make a release of the same source, looked up again, and apply everything again")
    .action(
      run(async (session, reference: string, flags: OperationFlags) => {
        const place = await placeOf(session, reference, flags);
        const answer = await (await releases(session)).redeploy({ ...place, options: optionsOf(flags) });
        await finish(session, reference, flags, place, answer);
      }),
    );
  addLocks(group);
  ofRelease(group.command("delete"))
    .description("delete a release that is not active")
    .option("-y, --yes", "do not ask")
    .action(run(deleteRelease));
}

function ofDeployment(command: Command): Command {
  return addEnvironment(command).argument("<deployment>", "its name or uuid");
}

function ofRelease(command: Command): Command {
  return ofDeployment(command).argument("<release>", "its number", number);
}

function addRollback(group: Command): void {
  const rollback = addChange(ofDeployment(group.command("rollback")))
    .description("make a release of an earlier one")
    .argument("[release]", "its number; the one that was active before unless told", number)
    .addOption(new Option("--part <part>", "only its source or configuration").choices(["source", "config"]))
    .action(run(rollBack));
  setsFields(rollback, { ...changeFields, number: "<release>" });
  examples(rollback, "slipway release rollback web --wait", "slipway release rollback web 3 --part config");
}

function addLocks(group: Command): void {
  ofRelease(group.command("lock"))
    .description("forbid to go back to a release")
    .option("--reason <text>", "why, for those who would", "")
    .action(
      run(async (session, reference: string, which: number, flags: EnvironmentFlag & { readonly reason: string }) => {
        const place = await placeOf(session, reference, flags);
        const order = { ...place, number: which, rollbackDisabled: true, reason: flags.reason };
        const { release } = await (await releases(session)).update(order);
        if (release !== undefined) await session.out.one(releaseKind, release);
      }),
    );
  ofRelease(group.command("unlock"))
    .description("allow it again")
    .action(
      run(async (session, reference: string, which: number, flags: EnvironmentFlag) => {
        const place = await placeOf(session, reference, flags);
        const { release } = await (await releases(session)).update({
          ...place,
          number: which,
          rollbackDisabled: false,
        });
        if (release !== undefined) await session.out.one(releaseKind, release);
      }),
    );
}

async function getRelease(session: Session, place: DeploymentPlace, which: number): Promise<Release> {
  const { release } = await (await releases(session)).get({ ...place, number: which });
  if (release === undefined) throw new Error(`the server answered nothing for release ${which}`);
  return release;
}

async function diffReleases(
  session: Session,
  reference: string,
  from: number,
  to: number,
  flags: EnvironmentFlag,
): Promise<void> {
  const place = await placeOf(session, reference, flags);
  const [before, after] = await Promise.all([getRelease(session, place, from), getRelease(session, place, to)]);
  await printReleaseDifference(session, before, after);
}

async function rollBack(
  session: Session,
  reference: string,
  which: number | undefined,
  flags: OperationFlags & { readonly part?: string },
): Promise<void> {
  const { RollbackPart } = await import("../../gen/ts/deploy/v1/release_pb.js");
  const place = await placeOf(session, reference, flags);
  const part = flags.part === undefined ? RollbackPart.UNSPECIFIED : (enumValueOf(RollbackPart, flags.part) ?? 0);
  const order = { ...place, number: which ?? 0, part, options: optionsOf(flags) };
  await finish(session, reference, flags, place, await (await releases(session)).rollback(order));
}

async function finish(
  session: Session,
  reference: string,
  flags: ChangeFlags,
  place: DeploymentPlace,
  { release, task }: Pick<Awaited<ReturnType<Awaited<ReturnType<typeof releases>>["rollback"]>>, "release" | "task">,
): Promise<void> {
  const isSettled = await settle(session, flags, { tasks: [task], title: `deployment ${reference}` });
  if (release === undefined) return;
  await session.out.one(releaseKind, isSettled ? await getRelease(session, place, release.number) : release);
}

async function deleteRelease(
  session: Session,
  reference: string,
  which: number,
  flags: EnvironmentFlag & { readonly yes?: boolean },
): Promise<void> {
  const place = await placeOf(session, reference, flags);
  await confirmed(flags, `Delete release ${which} of ${reference}?`);
  const { release } = await (await releases(session)).delete({ ...place, number: which });
  if (release !== undefined) await session.out.one(releaseKind, release);
}
