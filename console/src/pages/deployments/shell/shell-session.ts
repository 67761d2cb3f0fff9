import { RuntimeService } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { slipway } from "../../../app/api.js";
import { type ShellInput, shellInput } from "./shell-input.js";

const client = slipway.client(RuntimeService);

/** Where a shell is opened. */
export interface ShellPlace {
  readonly project: string;
  readonly deployment: string;
  readonly process: string;
  readonly instance: string;
}

/** The terminal that a shell is shown in. */
export interface ShellScreen {
  readonly columns: number;
  readonly rows: number;
  /** Resolves when it is written, so that a shell that writes much is not read faster than it is shown. */
  readonly write: (output: Uint8Array) => Promise<void>;
}

/** What a shell tells while it runs. */
export interface ShellEvents {
  /** It is open: from now on it takes input. */
  readonly onOpen: (instance: string, input: ShellInput) => void;
  readonly onFailure: (error: unknown) => void;
}

/** Opens a shell and shows what it writes, until it ends; answers its exit code. */
export async function runShell(
  place: ShellPlace,
  screen: ShellScreen,
  events: ShellEvents,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { project, deployment, process, instance } = place;
  const { columns, rows } = screen;
  let exitCode: number | undefined;
  let input: ShellInput | undefined;
  const start = { process, instance, size: { columns, rows } };
  try {
    for await (const answer of client.startShell({ project, deployment, start }, { signal })) {
      if (answer.session !== "" && input === undefined) {
        const { session } = answer;
        const send = (number: bigint, piece: object) =>
          client.sendShellInput({ project, deployment, session, number, ...piece }, { signal });
        input = shellInput(send, events.onFailure);
        events.onOpen(answer.instance, input);
      }
      if (answer.output.length > 0) await screen.write(answer.output);
      exitCode = answer.exitCode ?? exitCode;
    }
  } finally {
    input?.stop();
  }
  return exitCode;
}
