import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RuntimeServiceRunCommandRequest,
  RuntimeServiceRunCommandResponseSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { DomainError } from "../../../../errors.js";
import type { ExecSession } from "../../../../kube/exec.js";
import type { Platform } from "../../../../platform.js";
import { targetAccess } from "../../target/access.js";
import { podPlace, targetFailure } from "../logs/place.js";
import { chooseInstance } from "./instance.js";
import { runIsolated } from "./isolated.js";

type Answer = MessageInitShape<typeof RuntimeServiceRunCommandResponseSchema>;

const usualSeconds = 300;
/** Input is sent in pieces: a connection takes messages of a limited size. */
const pieceBytes = 64 * 1024;

/** Runs a command in an instance, or in a pod of its own, and streams what it writes. */
export async function* runCommand(
  platform: Platform,
  request: RuntimeServiceRunCommandRequest,
  caller: AbortSignal,
): AsyncGenerator<Answer, void, undefined> {
  const seconds = request.timeoutSeconds || usualSeconds;
  const limit = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([caller, limit]);
  try {
    if (request.isolated) yield* runIsolated(platform, request, { seconds, signal });
    else yield* inInstance(platform, request, signal);
  } catch (error) {
    if (limit.aborted && !caller.aborted) {
      throw new DomainError("timeout", `the command took longer than ${seconds} seconds: it is ended`, {
        cause: error,
      });
    }
    throw targetFailure(error);
  }
}

async function* inInstance(
  platform: Platform,
  request: RuntimeServiceRunCommandRequest,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, undefined> {
  const place = await podPlace(platform, request);
  const client = targetAccess(platform, place.target);
  try {
    const { metadata } = await chooseInstance(client, place, request, signal);
    yield { instance: metadata.name };
    const { command, stdin, container } = request;
    const pod = { namespace: place.selection.namespace, name: metadata.name };
    const named = container === "" ? {} : { container };
    const session = await client.exec(pod, { command, ...named, stdin: stdin.length > 0, tty: false, signal });
    // What it does not read it need not get: how it ends says the output.
    if (stdin.length > 0) sendAll(session, stdin).catch(() => undefined);
    for await (const part of session.output) {
      if (part.type === "exit") yield { exitCode: part.code };
      else yield { [part.type]: new Uint8Array(part.data) };
    }
  } finally {
    client.close();
  }
}

async function sendAll(session: ExecSession, input: Uint8Array): Promise<void> {
  for (let at = 0; at < input.length; at += pieceBytes) await session.write(input.subarray(at, at + pieceBytes));
  await session.endInput();
}
