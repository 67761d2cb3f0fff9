import type { DescService } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Slipway } from "../clients/ts/src/node.js";
import { connect, refresh } from "./connection.js";
import type { GlobalFlags } from "./flags.js";
import { type Output, openOutput } from "./output.js";
import { resolveProject } from "./project.js";
import { readSettings, type Settings } from "./settings.js";
import { tokenSource } from "./tokens.js";
import { tracing } from "./tracing.js";

/** What every command of users works with: the server, the project, and where to print. */
export interface Session {
  readonly flags: GlobalFlags;
  readonly out: Output;
  /** How long --wait waits: --timeout, or 20 minutes. */
  readonly waitMs: number;
  /** Which server, as whom; a failure that tells what to do when nothing says so. */
  settings(): Promise<Settings>;
  /** A client of a service; the connection is opened by the first. */
  client<S extends DescService>(service: S): Promise<Client<S>>;
  /** Uuid of the project that was chosen; a failure when none was. */
  project(): Promise<string>;
  /** A remark for people, on stderr; not with --quiet. */
  note(text: string): void;
}

const defaultCallMs = 30_000;
const defaultWaitMs = 20 * 60_000;

/** Makes the session of one command. Nothing is read or opened before it is needed. */
export function openSession(flags: GlobalFlags, isWaiting: boolean): Session {
  const { stdout, stderr } = process;
  const width = stdout.isTTY ? stdout.columns : undefined;
  // With --wait the time is that of the wait, and calls have as long as usual.
  const timeoutMs = isWaiting ? defaultCallMs : (flags.timeout ?? defaultCallMs);
  const settings = once(() => readSettings(flags));
  const slipway = once(async () => open(await settings(), timeoutMs, flags));
  const client: Session["client"] = async (service) => (await slipway()).client(service);
  const project = once(async () => resolveProject((await settings()).project, client));
  return {
    flags,
    out: openOutput(flags.output ?? "table", (text) => void stdout.write(text), width),
    waitMs: flags.timeout ?? defaultWaitMs,
    settings,
    client,
    project,
    note: (text) => void (flags.quiet === true || stderr.write(`${text}\n`)),
  };
}

async function open(settings: Settings, timeoutMs: number, flags: GlobalFlags): Promise<Slipway> {
  const { url, caFile } = settings;
  const interceptors = flags.verbose === true ? [tracing((line) => void process.stderr.write(`${line}\n`))] : [];
  const plain = { url, caFile, timeoutMs, interceptors };
  const source = tokenSource(settings, (refreshToken) => refresh(plain, refreshToken));
  return await connect({ ...plain, token: source.token, renew: source.renew });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
