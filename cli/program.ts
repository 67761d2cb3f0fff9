import { Command, CommanderError } from "commander";
import { readBuild } from "../src/build.js";
import { addOperatorCommands } from "../src/commands/operator.js";
import { exitCodes } from "./failure.js";
import { addGlobalFlags } from "./flags.js";
import { loadGroup, loadsWith } from "./lazy.js";
import { report } from "./report.js";
import { resourceGroups } from "./resources/groups.js";

/** A group of commands, which is loaded when its name is called. */
interface Group {
  readonly name: string;
  readonly description: string;
  readonly heading: "Your work" | "Signing in";
  /** Adds the subcommands, or for a single command its arguments, options and action. */
  readonly load: () => Promise<(command: Command) => void>;
}

/** In the order of the help. */
const headings: readonly Group["heading"][] = ["Your work", "Signing in"];

const groups: readonly Group[] = [
  {
    name: "login",
    description: "sign in through the browser, with a password, or at the server of npm start",
    heading: "Signing in",
    load: async () => (await import("./commands/login.js")).loginCommand,
  },
  {
    name: "logout",
    description: "end the session, and forget its tokens",
    heading: "Signing in",
    load: async () => (await import("./commands/logout.js")).logoutCommand,
  },
  {
    name: "whoami",
    description: "tell who is calling, where, and with which roles",
    heading: "Signing in",
    load: async () => (await import("./commands/whoami.js")).whoamiCommand,
  },
  {
    name: "context",
    description: "servers, projects and tokens under names",
    heading: "Signing in",
    load: async () => (await import("./commands/context.js")).contextCommands,
  },
  {
    name: "cluster",
    description: "Kubernetes clusters",
    heading: "Your work",
    load: async () => (await import("./commands/cluster.js")).clusterCommands,
  },
  {
    name: "kubeconfig",
    description: "access to a cluster for kubectl",
    heading: "Your work",
    load: async () => (await import("./commands/kubeconfig.js")).kubeconfigCommand,
  },
  {
    name: "apply",
    description: "make what files say, or change it",
    heading: "Your work",
    load: async () => (await import("./commands/apply.js")).applyCommand,
  },
  {
    name: "diff",
    description: "show what apply would change",
    heading: "Your work",
    load: async () => (await import("./commands/apply.js")).diffCommand,
  },
  {
    name: "delete",
    description: "delete what files name",
    heading: "Your work",
    load: async () => (await import("./commands/apply.js")).deleteCommand,
  },
  ...resourceGroups,
  {
    name: "completion",
    description: "print the completion script of a shell: bash, zsh or fish",
    heading: "Signing in",
    load: async () => (await import("./commands/completion.js")).completionCommand,
  },
  {
    name: "help",
    description: "help of a command, or of a topic: exit-codes, environment",
    heading: "Signing in",
    load: async () => (await import("./commands/help.js")).helpCommand,
  },
];

/** Runs the program with what follows its name on the command line. Exit codes are left in process.exitCode. */
export async function runProgram(args: readonly string[]): Promise<void> {
  endQuietlyOnClosedPipe();
  const program = newProgram();
  if (args[0] === "__complete") return await (await import("./complete/complete.js")).complete(program, args.slice(1));
  try {
    await program.parseAsync(canonical(args), { from: "user" });
  } catch (error) {
    process.exitCode = error instanceof CommanderError ? codeOf(error) : await report(error);
  }
}

/** The program with all its groups; none of them is loaded yet. */
export function newProgram(): Command {
  const program = new Command("slipway")
    .description("One typed control plane for a cloud.")
    .option("-V, --version", "print the version")
    .showHelpAfterError("(--help tells more)")
    .helpCommand(false)
    .exitOverride();
  program.on("option:version", printVersion);
  addGlobalFlags(program);
  const inOrder = headings.flatMap((heading) => groups.filter((group) => group.heading === heading));
  for (const { name, description, heading, load } of inOrder) {
    loadsWith(program.command(name).description(description).helpGroup(heading), load);
  }
  addOperatorCommands(program);
  program.hook("preSubcommand", async (parent, command) => {
    if (parent === program) await loadGroup(command);
  });
  return program;
}

/** Operators made tokens by `token create --user` before users had commands of their own. */
function canonical(args: readonly string[]): string[] {
  const isOfOperator = args[0] === "token" && args[1] === "create" && args.some((arg) => /^--user(=|$)/.test(arg));
  return isOfOperator ? ["issue-token", ...args.slice(2)] : [...args];
}

function codeOf(error: CommanderError): number {
  // Help that was asked for, and the version, are no errors.
  return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}

/** Before anything else is looked at, as nothing else is asked for. */
function printVersion(): never {
  process.stdout.write(`${readBuild().version}\n`);
  process.exit(exitCodes.ok);
}

/** Whoever reads may stop reading, as head does. */
function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(process.exitCode ?? exitCodes.ok);
  });
}
