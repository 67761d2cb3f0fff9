import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RuntimeServiceOpenShellRequest,
  RuntimeServiceOpenShellResponseSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { DomainError, invalidField } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { targetFailure } from "../logs/place.js";
import { openTerminal, type Terminal, typeInto } from "./terminal.js";

type Answer = MessageInitShape<typeof RuntimeServiceOpenShellResponseSchema>;

/** A shell whose input comes by the same stream. */
export async function* openShell(
  platform: Platform,
  requests: AsyncIterable<RuntimeServiceOpenShellRequest>,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, undefined> {
  const inputs = requests[Symbol.asyncIterator]();
  const first = await inputs.next();
  const start = first.done === true ? undefined : first.value.start;
  if (first.done === true || start === undefined) throw invalidField("start", "is needed in the first message");
  try {
    const terminal = await openTerminal(platform, first.value, start, signal);
    try {
      yield { instance: terminal.instance };
      let refusal: unknown;
      pump(terminal, first.value, inputs).catch((error: unknown) => {
        // A shell that has ended takes no input, and whoever leaves ends it: how it went says the output.
        if (error instanceof DomainError) refusal = error;
        terminal.close();
      });
      yield* outputOf(terminal, () => refusal);
    } finally {
      terminal.close();
    }
  } catch (error) {
    throw targetFailure(error);
  }
}

async function pump(
  terminal: Terminal,
  first: RuntimeServiceOpenShellRequest,
  inputs: AsyncIterator<RuntimeServiceOpenShellRequest>,
): Promise<void> {
  await typeInto(terminal, first);
  for (let next = await inputs.next(); next.done !== true; next = await inputs.next()) {
    await typeInto(terminal, next.value);
  }
  await terminal.session.endInput();
}

/** What a shell writes, and how it ends; fails with what its input was refused for, if that ended it. */
export async function* outputOf(
  { session }: Terminal,
  refusal: () => unknown = () => undefined,
): AsyncGenerator<{ readonly output: Uint8Array } | { readonly exitCode: number }, void, undefined> {
  try {
    for await (const part of session.output) {
      if (part.type === "exit") yield { exitCode: part.code };
      else yield { output: new Uint8Array(part.data) };
    }
  } catch (error) {
    throw refusal() ?? error;
  }
}
