import type { Command } from "commander";
import { type ConfigFile, type Context, changeConfig, configPath, readConfig, withContext } from "../config-file.js";
import { Failure } from "../failure.js";
import type { GlobalFlags } from "../flags.js";
import { readSecret } from "../prompt.js";
import { run } from "../run.js";
import type { Session } from "../session.js";
import { chosenName, contextNamed, sameServer } from "../settings.js";
import type { Column } from "../table.js";

interface TokenFlags {
  readonly tokenFile?: string;
  readonly tokenStdin?: boolean;
}

/** `slipway context`: servers, projects and tokens under names. */
export function contextCommands(group: Command): void {
  group
    .command("list")
    .alias("ls")
    .description("list the contexts; * marks the one in use")
    .action(run(async (session) => print(session, (await readConfig()).contexts)));
  group
    .command("show")
    .description("show one context, the one in use unless named")
    .argument("[context]", "its name")
    .action(
      run(async (session, name: string | undefined) => {
        const config = await readConfig();
        await print(session, [contextNamed(config, name ?? demandChosen(config, session.flags))]);
      }),
    );
  group
    .command("add")
    .description("add a context of --url, with a token and a --project if wanted, and use it")
    .argument("<context>", "its name")
    .option("--token-file <file>", "read an API token or key from a file")
    .option("--token-stdin", "read it from standard input")
    .action(run(add));
  group
    .command("set")
    .description("change --url, --project, --ca-file or the token of a context, of the one in use unless named")
    .argument("[context]", "its name")
    .option("--token-file <file>", "read an API token or key from a file")
    .option("--token-stdin", "read it from standard input")
    .action(run(set));
  group
    .command("use")
    .description("use a context from now on")
    .argument("<context>", "its name")
    .action(
      run(async (session, name: string) => {
        await changeConfig((config) => ({ ...config, current: contextNamed(config, name).name }));
        session.note(`using ${name}`);
      }),
    );
  group
    .command("rename")
    .description("give a context another name")
    .argument("<context>", "its name")
    .argument("<new-name>", "the new one")
    .action(
      run(async (_session, from: string, to: string) => {
        await changeConfig(renaming(from, to));
        if (to !== from) await forget(from);
      }),
    );
  group
    .command("remove")
    .alias("rm")
    .description("forget a context with its tokens; the session itself ends with slipway logout")
    .argument("<context>", "its name")
    .action(
      run(async (_session, name: string) => {
        await changeConfig(removing(name));
        await forget(name);
      }),
    );
}

/** Certificates that were got by the credentials of a context go with them. */
async function forget(name: string): Promise<void> {
  const { forgetAccess } = await import("../kubeconfig/credential.js");
  await forgetAccess(name);
}

async function add(session: Session, name: string, options: TokenFlags): Promise<void> {
  const { url, project, caFile } = session.flags;
  if (url === undefined) throw new Failure("usage", "a context needs a server", ["Name it with --url URL."]);
  demandName(name);
  const token = await readToken(options);
  await changeConfig((config) => {
    demandFree(config, name);
    const more = { ...(project === undefined ? {} : { project }), ...(caFile === undefined ? {} : { caFile }) };
    const context = { name, url, ...more, ...(token === undefined ? {} : { token }) };
    return { ...withContext(config, context), current: name };
  });
  session.note(token === undefined ? `using ${name}; sign in with slipway login` : `using ${name}`);
}

async function set(session: Session, name: string | undefined, options: TokenFlags): Promise<void> {
  const { url, project, caFile } = session.flags;
  const token = await readToken(options);
  let changed: string | undefined;
  await changeConfig((config) => {
    const before = contextNamed(config, name ?? demandChosen(config, session.flags));
    const more = { ...(project === undefined ? {} : { project }), ...(caFile === undefined ? {} : { caFile }) };
    const { token: _token, session: _session, ...rest } = before;
    // A token belongs to its server, and a new one takes the place of a session.
    const keeps = token === undefined && (url === undefined || sameServer(url, before.url));
    changed = keeps ? undefined : before.name;
    const context = { ...(keeps ? before : rest), ...more, ...(url === undefined ? {} : { url }) };
    return withContext(config, token === undefined ? context : { ...context, token });
  });
  if (changed !== undefined) await forget(changed);
}

function renaming(from: string, to: string): (config: ConfigFile) => ConfigFile {
  demandName(to);
  return (config) => {
    const context = contextNamed(config, from);
    if (to !== from) demandFree(config, to);
    const contexts = config.contexts.map((each) => (each === context ? { ...each, name: to } : each));
    return { ...config, contexts, ...(config.current === from ? { current: to } : {}) };
  };
}

function removing(name: string): (config: ConfigFile) => ConfigFile {
  return (config) => {
    const context = contextNamed(config, name);
    const { current, ...rest } = config;
    const contexts = config.contexts.filter((each) => each !== context);
    return { ...rest, contexts, ...(current === undefined || current === name ? {} : { current }) };
  };
}

async function print(session: Session, contexts: readonly Context[]): Promise<void> {
  const config = await readConfig();
  const current = chosenName(config, session.flags, process.env);
  const columns: Column<Context>[] = [
    { header: "NAME", value: ({ name }) => name },
    { header: "CURRENT", value: ({ name }) => (name === current ? "*" : "") },
    { header: "URL", value: ({ url }) => url },
    { header: "PROJECT", value: ({ project }) => project },
    { header: "AUTH", value: authOf },
    { header: "CA-FILE", value: ({ caFile }) => caFile, wide: true },
    { header: "FILE", value: () => configPath(), wide: true },
  ];
  await session.out.plain(columns, contexts, (context) => ({
    name: context.name,
    current: context.name === current,
    url: context.url,
    ...(context.project === undefined ? {} : { project: context.project }),
    ...(context.caFile === undefined ? {} : { caFile: context.caFile }),
    auth: authOf(context),
  }));
}

/** How a context signs in; never with what. */
function authOf({ token, session }: Context): string {
  if (token !== undefined) return "token";
  return session === undefined ? "none" : `session${session.user === undefined ? "" : ` of ${session.user}`}`;
}

async function readToken({ tokenFile, tokenStdin }: TokenFlags): Promise<string | undefined> {
  if (tokenFile === undefined && tokenStdin !== true) return undefined;
  const token = await readSecret(tokenFile);
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure("usage", "that is no token", [
      "It must be one line without spaces, as slipway token create prints it.",
    ]);
  }
  return token;
}

function demandChosen(config: ConfigFile, flags: GlobalFlags): string {
  const name = chosenName(config, flags, process.env);
  if (name !== undefined) return name;
  throw new Failure("usage", "no context is in use", ["Name one, or run slipway context use NAME."]);
}

function demandFree(config: ConfigFile, name: string): void {
  if (!config.contexts.some((each) => each.name === name)) return;
  throw new Failure("conflict", `there is a context "${name}" already`, [
    `Change it with slipway context set ${name}, or take another name.`,
  ]);
}

function demandName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name)) return;
  throw new Failure("usage", `"${name}" cannot be the name of a context`, [
    "It must be at most 64 letters, digits and the signs . _ @ -, and begin with a letter or digit.",
  ]);
}
