import type { ShellStart } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { ExecSession } from "../../../../kube/exec.js";
import type { Platform } from "../../../../platform.js";
import { targetAccess } from "../../target/access.js";
import { type DeploymentName, podPlace } from "../logs/place.js";
import { chooseInstance } from "./instance.js";

/** A shell in an instance. */
export interface Terminal {
  /** Name of the instance. */
  readonly instance: string;
  readonly session: ExecSession;
  close(): void;
}

/** What is typed, or the new size of the terminal. */
export interface TerminalInput {
  readonly stdin?: Uint8Array | undefined;
  readonly resize?: { readonly columns: number; readonly rows: number } | undefined;
}

/** The best shell that an image has. */
const usualShell = ["sh", "-c", "test -x /bin/bash && exec /bin/bash; exec sh"];

/** Opens a shell with a terminal; it ends when the signal aborts. Throws KubeError and DomainError. */
export async function openTerminal(
  platform: Platform,
  name: DeploymentName,
  { process, instance, container, command, size }: ShellStart,
  signal: AbortSignal,
): Promise<Terminal> {
  const place = await podPlace(platform, name);
  const client = targetAccess(platform, place.target);
  try {
    const { metadata } = await chooseInstance(client, place, { process, instance }, signal);
    const pod = { namespace: place.selection.namespace, name: metadata.name };
    const session = await client.exec(pod, {
      command: command.length === 0 ? usualShell : command,
      ...(container === "" ? {} : { container }),
      stdin: true,
      tty: true,
      signal,
    });
    if (size !== undefined) await session.resize(size.columns, size.rows);
    const close = (): void => {
      session.close();
      client.close();
    };
    return { instance: metadata.name, session, close };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Hands input on. */
export async function typeInto({ session }: Terminal, { stdin, resize }: TerminalInput): Promise<void> {
  if (resize !== undefined) await session.resize(resize.columns, resize.rows);
  if (stdin !== undefined && stdin.length > 0) await session.write(stdin);
}
