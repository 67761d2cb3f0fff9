import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { startPlatform, type TestPlatform, type TestPlatformOptions } from "../../support/platform.js";
import { type Outcome, openProgram, type RunningCommand, type UserProgram } from "../support/program.js";

/** Milliseconds for one test: each of its commands is a process, which is slow where others work, too. */
export const timeout = 300_000;

/** Whose token a command uses. */
export type Who = "owner" | "editor" | "viewer";

/** A platform, and the program as its users have it. */
export interface CliWorld {
  readonly platform: TestPlatform;
  readonly program: UserProgram;
  /** The environment with which a user calls the platform. */
  envOf(who: Who): NodeJS.ProcessEnv;
  /** Runs a command, as the owner unless told. */
  run(args: readonly string[], more?: { readonly who?: Who; readonly input?: string }): Promise<Outcome>;
  /** Runs a command that must go well; answers its stdout. */
  ok(args: readonly string[], input?: string): Promise<string>;
  /** Runs a command with -o json that must go well; answers what it printed. */
  json<T = Record<string, unknown>>(args: readonly string[], input?: string): Promise<T>;
  /** Runs a command that must fail with an exit code; answers its stderr. */
  fails(args: readonly string[], code: number, who?: Who): Promise<string>;
  /** Starts a command. */
  start(args: readonly string[]): RunningCommand;
  /** Writes a file into the home folder; answers its path. */
  file(name: string, text: string | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** Starts a platform and gives a user the program. */
export async function openCliWorld(options: TestPlatformOptions = {}): Promise<CliWorld> {
  const [platform, program] = await Promise.all([startPlatform(options), openProgram()]);
  const envOf = (who: Who): NodeJS.ProcessEnv => ({
    SLIPWAY_URL: platform.url,
    SLIPWAY_TOKEN: platform.tokens[who],
    SLIPWAY_PROJECT: platform.project,
  });
  const run: CliWorld["run"] = (args, { who = "owner", input } = {}) =>
    program.run(args, { env: envOf(who), ...(input === undefined ? {} : { input }) });
  const ok: CliWorld["ok"] = async (args, input) => {
    const outcome = await run(args, input === undefined ? {} : { input });
    expect([args.join(" "), outcome.code, outcome.code === 0 ? "" : outcome.stderr]).toEqual([args.join(" "), 0, ""]);
    return outcome.stdout;
  };
  return {
    platform,
    program,
    envOf,
    run,
    ok,
    json: async (args, input) => JSON.parse(await ok(asJson(args), input)),
    async fails(args, code, who = "owner") {
      const outcome = await run(args, { who });
      expect([args.join(" "), outcome.code, outcome.stderr]).toEqual([args.join(" "), code, expect.any(String)]);
      return outcome.stderr;
    },
    start: (args) => program.start(args, envOf("owner")),
    async file(name, text) {
      const path = join(program.home, name);
      await writeFile(path, text);
      return path;
    },
    async close() {
      await program.close();
      await platform.close();
    },
  };
}

/** Makes an environment, a target with a router, and a namespace. */
export async function prepareTarget(world: CliWorld): Promise<void> {
  const kubeconfig = await world.file("kubeconfig.yaml", world.platform.kube.kubeconfig);
  await world.ok(["environment", "create", "staging", "--default"]);
  const router = "name=public,class=nginx,domain=apps.example.com,default";
  await world.ok(["target", "create", "here", "--kubeconfig", kubeconfig, "--router", router]);
  await world.ok(["namespace", "create", "shop"]);
}

/** Asks for JSON, before what is passed on after --. */
function asJson(args: readonly string[]): string[] {
  const at = args.indexOf("--");
  return at < 0 ? [...args, "-o", "json"] : [...args.slice(0, at), "-o", "json", ...args.slice(at)];
}
