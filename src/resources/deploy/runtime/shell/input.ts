import type { RuntimeServiceSendShellInputRequest } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { Keyring } from "../../../../auth/keyring.js";
import { DomainError } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { deploymentStore } from "../../deployment/store.js";
import { shellStore } from "./store.js";
import type { TerminalInput } from "./terminal.js";

/** Input that waits for the process of a shell at most. */
const mostWaiting = 1_000;
/** A shell that was not renewed for so long has ended with its process. */
const aliveMs = 90_000;

/** A piece of input. */
export interface ShellInput extends TerminalInput {
  /** Whether nothing comes after it. */
  readonly end: boolean;
}

/** Takes input for a shell that the same principal has started, by whatever process of the API. */
export async function sendShellInput(
  { db, keyring, clock }: Platform,
  request: RuntimeServiceSendShellInputRequest,
  principal: string,
): Promise<void> {
  const { project, environment, deployment, session, number, stdin, resize, end } = request;
  const row = await deploymentStore.get(db, { project, environment, id: deployment });
  if (row === undefined) throw new DomainError("missing", `deployment ${deployment} does not exist`);
  const size = resize === undefined ? undefined : { columns: resize.columns, rows: resize.rows };
  const inputSealed = await keyring.seal(
    JSON.stringify({ stdin: Buffer.from(stdin).toString("base64"), resize: size, end }),
  );
  const since = new Date(clock().getTime() - aliveMs);
  await db.transaction(async (tx) => {
    if (!(await shellStore.holds(tx, { id: session, deployment, principal }, since))) {
      throw new DomainError("missing", "the shell has ended, or somebody else has started it");
    }
    if ((await shellStore.waiting(tx, session)) >= mostWaiting) {
      throw new DomainError("exhausted", "the shell does not take its input: wait a moment", { retryAfterMs: 1_000 });
    }
    await shellStore.add(tx, session, { number: Number(number), inputSealed });
  });
}

/** Opens a piece of input that was sealed. */
export async function openInput(keyring: Keyring, sealed: string): Promise<ShellInput> {
  const stored: { stdin: string; resize?: { columns: number; rows: number }; end: boolean } = JSON.parse(
    await keyring.open(sealed),
  );
  return { stdin: new Uint8Array(Buffer.from(stored.stdin, "base64")), resize: stored.resize, end: stored.end };
}
