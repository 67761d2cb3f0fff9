import type { Command } from "commander";
import { type Context, changeConfig, readConfig, type StoredSession, withContext } from "../config-file.js";
import { Failure } from "../failure.js";
import { signInWithBrowser } from "../login/browser.js";
import { readDevFile } from "../login/dev.js";
import { signInWithPassword } from "../login/password.js";
import { run } from "../run.js";
import { openSession, type Session } from "../session.js";
import { chosenName, devFile, sameServer } from "../settings.js";

interface LoginFlags {
  readonly provider?: string;
  readonly browser: boolean;
  readonly password?: boolean;
  readonly passwordStdin?: boolean;
  readonly user?: string;
  readonly dev?: string | true;
  readonly as: string;
}

/** `slipway login`: keeps a session, or the token of a server of npm start, in a context. */
export function loginCommand(command: Command): void {
  command
    .option("--provider <id>", "the identity provider, where the server has several")
    .option("--no-browser", "print the URL only; open it in a browser on this machine")
    .option("--user <login>", "sign in with this name and a password")
    .option("--password", "ask for the password of --user")
    .option("--password-stdin", "read the password of --user from standard input")
    .option("--dev [file]", `take a token that npm start has written, to ${devFile} unless told`)
    .option("--as <role>", "with --dev: owner, editor, viewer or admin", "owner")
    .addHelpText(
      "after",
      `
The context that is in use keeps the session; --context names another, which is made when new.
  slipway login --url https://api.example.com       through the browser
  slipway login --url URL --user ada --password     with a password, where the server allows it
  slipway login --dev                               at the server of npm start in this folder`,
    )
    .action(run(login));
}

async function login(session: Session, options: LoginFlags): Promise<void> {
  if (options.dev !== undefined) return await loginDev(session, options);
  const where = await placeOf(session);
  // The context may be yet to be made, and what it keeps is not needed for signing in.
  const { context: _context, ...flags } = session.flags;
  const signIn = openSession({ ...flags, url: where.url, ...ownCa(where) }, false);
  const isPassword = options.password === true || options.passwordStdin === true || options.user !== undefined;
  const stored = isPassword
    ? await signInWithPassword(signIn, options)
    : await signInWithBrowser(signIn, { provider: options.provider, opensBrowser: options.browser });
  const kept = await keep(where, { session: stored });
  await welcome(session, kept, stored.user);
}

/** The token of a server of npm start needs no signing in: the file is its user's own. */
async function loginDev(session: Session, options: LoginFlags): Promise<void> {
  const dev = await readDevFile(options.dev === true ? devFile : (options.dev ?? devFile), options.as);
  const name = session.flags.context ?? (options.as === "owner" ? "dev" : `dev-${options.as}`);
  const kept = await keep({ name, url: dev.url, project: session.flags.project ?? dev.project }, { token: dev.token });
  session.note(`context ${kept.name}: ${kept.url}, project ${dev.tenant}/default`);
}

interface Place {
  readonly name: string;
  readonly url: string;
  readonly project?: string;
  readonly caFile?: string;
}

const ownCa = ({ caFile }: Place) => (caFile === undefined ? {} : { caFile });

/** Which context gets the session: the named one, the one in use if it is of that server, or a new one by its host. */
async function placeOf({ flags }: Session): Promise<Place> {
  const config = await readConfig();
  const name = chosenName(config, flags, process.env);
  const chosen = config.contexts.find((each) => each.name === name);
  const url = flags.url ?? chosen?.url ?? (process.env.SLIPWAY_URL || undefined);
  if (url === undefined) {
    throw new Failure("usage", "no server is chosen", [
      "Name it: slipway login --url URL",
      "For the server of npm start in this folder: slipway login --dev",
    ]);
  }
  const more = { ...(flags.project === undefined ? {} : { project: flags.project }), ...flagCa(flags.caFile) };
  if (chosen !== undefined && (flags.context !== undefined || sameServer(chosen.url, url))) {
    const isSame = sameServer(chosen.url, url);
    return { name: chosen.name, ...(isSame ? kept(chosen) : {}), url, ...more };
  }
  const known = config.contexts.find((each) => flags.context === undefined && sameServer(each.url, url));
  if (known !== undefined) return { ...kept(known), url, name: known.name, ...more };
  return { name: flags.context ?? freeName(config.contexts, new URL(url).hostname), url, ...more };
}

const flagCa = (caFile: string | undefined) => (caFile === undefined ? {} : { caFile });

const kept = ({ project, caFile }: Context) => ({ ...(project === undefined ? {} : { project }), ...flagCa(caFile) });

function freeName(contexts: readonly Context[], host: string): string {
  const wanted = host.replace(/[^A-Za-z0-9._-]/g, "") || "server";
  const names = new Set(contexts.map(({ name }) => name));
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!names.has(name)) return name;
  }
}

async function keep(place: Place, credentials: { session: StoredSession } | { token: string }): Promise<Context> {
  const context: Context = { ...place, ...credentials };
  await changeConfig((config) => ({ ...withContext(config, context), current: context.name }));
  return context;
}

/** Says who signed in; of who has no project chosen, the default one is. */
async function welcome(session: Session, context: Context, user: string | undefined): Promise<void> {
  session.note(`signed in at ${context.url}${user === undefined ? "" : ` as ${user}`} (context ${context.name})`);
  if (context.project !== undefined) return;
  const project = await defaultProject(session, context).catch(() => undefined);
  if (project === undefined) return session.note("choose a project: slipway context set --project NAME");
  await changeConfig((config) => withContext(config, { ...context, project: project.uuid }));
  session.note(`project ${project.tenant}/${project.name}; another: slipway context set --project NAME`);
}

async function defaultProject(session: Session, context: Context) {
  const { UserService } = await import("../../gen/ts/api/v1/user_pb.js");
  const signedIn = openSession({ ...session.flags, context: context.name }, false);
  const { user } = await (await signedIn.client(UserService)).get({});
  return user?.defaultProject;
}
