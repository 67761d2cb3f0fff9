import type { Command } from "commander";
import type { PlannedThing } from "../apply/plan.js";
import { Failure } from "../failure.js";
import { several } from "../flags.js";
import { confirm } from "../prompt.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface ApplyFlags {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly yes?: boolean;
  readonly resend?: boolean;
  readonly exitCode?: boolean;
}

const fileFlag = "-f, --file <file>";
const fileHelp = "a file, a folder, or - for standard input; may come several times";
const resendHelp = "send what cannot be compared again: kubeconfigs, sensitive variables";

/** A thing that others change all the time is given up after so many tries. */
const mostAttempts = 5;

/** `slipway apply`: makes what files say, or changes it. */
export function applyCommand(command: Command): void {
  command
    .requiredOption(fileFlag, fileHelp, several)
    .option("--dry-run", "show the differences and change nothing")
    .option("--wait", "wait until everything is done")
    .option("--resend", resendHelp)
    .option("-y, --yes", "do not ask")
    .action(run(apply));
}

/** `slipway diff`: shows what apply would do. */
export function diffCommand(command: Command): void {
  command
    .requiredOption(fileFlag, fileHelp, several)
    .option("--resend", resendHelp)
    .option("--exit-code", "end with 1 when there are differences")
    .action(
      run(async (session, options: ApplyFlags) => {
        const count = await show(session, await plan(session, options), process.stdout);
        if (count === 0) session.note("no differences");
        else if (options.exitCode === true) process.exitCode = 1;
      }),
    );
}

/** `slipway delete -f`: deletes what files name. */
export function deleteCommand(command: Command): void {
  command
    .requiredOption(fileFlag, fileHelp, several)
    .option("--wait", "wait until everything is gone")
    .option("-y, --yes", "do not ask")
    .action(run(deleteAll));
}

async function apply(session: Session, options: ApplyFlags): Promise<void> {
  const things = await plan(session, options);
  // Of a dry run the differences are the result, else a remark.
  await show(session, things, options.dryRun === true ? process.stdout : process.stderr);
  const changed = things.filter(({ item, changes }) => item === undefined || changes.length > 0);
  if (options.dryRun === true)
    return session.note(`${changed.length} of ${things.length} would be made or changed; nothing was`);
  await consent(changed, options);
  for (const thing of things) {
    const outcome = thing.item === undefined ? "created" : thing.changes.length > 0 ? "changed" : "unchanged";
    if (outcome !== "unchanged") await carryOutOne(session, thing, options);
    process.stdout.write(`${thing.wanted.kind.kind} ${thing.wanted.name} ${outcome}\n`);
  }
}

/** What was made a moment ago may change what comes later, as a secret does the deployments that follow it. */
async function carryOutOne(session: Session, thing: PlannedThing, options: ApplyFlags): Promise<void> {
  const [{ carryOut }, { lookAgain }, { Code, ConnectError }] = await Promise.all([
    import("../apply/carry-out.js"),
    import("../apply/plan.js"),
    import("@connectrpc/connect"),
  ]);
  for (let attempt = 1; ; attempt += 1) {
    const now = await lookAgain(session, thing, options.resend === true);
    try {
      return void (await carryOut(session, now, options.wait === true));
    } catch (error) {
      const isOvertaken = error instanceof ConnectError && error.code === Code.Aborted;
      if (!isOvertaken || attempt === mostAttempts) throw error;
    }
  }
}

async function deleteAll(session: Session, options: ApplyFlags): Promise<void> {
  const { readManifests, checkAll } = await load();
  const { planAll } = await import("../apply/plan.js");
  const { removeInTurn } = await import("../apply/carry-out.js");
  const wanted = (await checkAll(await readManifests(options.file))).reverse();
  // Only the names matter: whatever else has changed is deleted all the same.
  const scoped = wanted.map((each) => {
    const fields = Object.entries(each.fields).filter(
      ([field]) => field in (each.kind.scope ?? {}) || field === "login",
    );
    return { ...each, fields: Object.fromEntries(fields), kind: { ...each.kind, state: async () => ({}) } };
  });
  const things = await planAll(session, scoped, false);
  const there = things.filter(({ item }) => item !== undefined);
  const names = there.map(({ wanted: { kind, name } }) => `${kind.kind} ${name}`);
  if (names.length > 0 && options.yes !== true) {
    const question = `Delete ${names.join(", ")}?`;
    if (!(await confirm(question, "Add --yes to do it without being asked."))) throw notConfirmed();
  }
  for (const thing of things) {
    const { kind, name } = thing.wanted;
    if (thing.item !== undefined) await removeInTurn(session, thing, options.wait === true);
    process.stdout.write(`${kind.kind} ${name} ${thing.item === undefined ? "is not there" : "deleted"}\n`);
  }
}

async function plan(session: Session, options: ApplyFlags): Promise<PlannedThing[]> {
  const { readManifests, checkAll } = await load();
  const { planAll } = await import("../apply/plan.js");
  return await planAll(session, await checkAll(await readManifests(options.file)), options.resend === true);
}

async function load() {
  const [{ readManifests }, { checkAll }] = await Promise.all([
    import("../apply/documents.js"),
    import("../apply/wanted.js"),
  ]);
  return { readManifests, checkAll };
}

/** Shows the differences; answers how many things differ. */
async function show(session: Session, things: readonly PlannedThing[], to: NodeJS.WriteStream): Promise<number> {
  const { colorsFor, differenceOf } = await import("../apply/show.js");
  const isColored = session.flags.color && !process.env.NO_COLOR && to.isTTY;
  const all = await Promise.all(things.map((thing) => differenceOf(thing, colorsFor(isColored))));
  const shown = all.filter((lines) => lines.length > 0);
  if (session.flags.quiet !== true || to === process.stdout) {
    to.write(shown.flatMap((lines) => lines.map((line) => `${line}\n`)).join(""));
  }
  return shown.length;
}

/** At a terminal every change of what is there is asked about; elsewhere only what cannot be taken back needs --yes. */
async function consent(changed: readonly PlannedThing[], options: ApplyFlags): Promise<void> {
  const present = changed.filter(({ item }) => item !== undefined);
  if (options.yes === true || present.length === 0) return;
  const grave = present.flatMap(({ wanted, changes }) =>
    changes
      .filter((field) => wanted.kind.irreversible?.includes(field) === true)
      .map((field) => `${field} of ${wanted.kind.kind} ${wanted.name}`),
  );
  if (!process.stdin.isTTY && grave.length === 0) return;
  const warning = grave.length === 0 ? "" : ` It cannot be taken back: ${grave.join(", ")}.`;
  const question = `Change ${present.length} that ${present.length === 1 ? "is" : "are"} there?${warning}`;
  const otherwise = `${grave.length === 0 ? "" : `${warning.trim()} `}Add --yes to do it without being asked.`;
  if (!(await confirm(question, otherwise))) throw notConfirmed();
}

const notConfirmed = () => new Failure("general", "not confirmed; nothing was changed");
