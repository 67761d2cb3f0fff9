import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RuntimeServiceStartShellRequest,
  RuntimeServiceStartShellResponseSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { withoutValues } from "../../../../db/errors.js";
import { invalidField } from "../../../../errors.js";
import type { Platform } from "../../../../platform.js";
import { targetFailure } from "../logs/place.js";
import { openInput } from "./input.js";
import { outputOf } from "./open-shell.js";
import { shellStore } from "./store.js";
import { openTerminal, type Terminal, typeInto } from "./terminal.js";

type Answer = MessageInitShape<typeof RuntimeServiceStartShellResponseSchema>;

const renewMs = 30_000;
/** Sessions whose process has died are forgotten after so long. */
const keptMs = 3_600_000;
const mostAtOnce = 100;

/** A shell whose input comes by `SendShellInput`, to whatever process of the API. */
export async function* startShell(
  platform: Platform,
  request: RuntimeServiceStartShellRequest,
  { principal, signal }: { readonly principal: string; readonly signal: AbortSignal },
): AsyncGenerator<Answer, void, undefined> {
  const { db, clock, newId } = platform;
  if (request.start === undefined) throw invalidField("start", "is needed");
  const session = newId();
  try {
    const terminal = await openTerminal(platform, request, request.start, signal);
    const renewal = setInterval(() => {
      // One that is missed is made up for by the next.
      shellStore.renew(db, session, clock()).catch(() => undefined);
    }, renewMs);
    const stop = takeInput(platform, session, terminal);
    try {
      await shellStore.prune(db, new Date(clock().getTime() - keptMs));
      await shellStore.open(db, { id: session, deployment: request.deployment, principal }, clock());
      yield { session, instance: terminal.instance };
      yield* outputOf(terminal);
    } finally {
      stop();
      clearInterval(renewal);
      terminal.close();
      await shellStore.close(db, session);
    }
  } catch (error) {
    throw targetFailure(error);
  }
}

/** Hands input to the shell in the order of its numbers, as it comes to the database. */
function takeInput({ db, feed, keyring, log }: Platform, session: string, terminal: Terminal): () => void {
  let next = 1;
  let isTaking = false;
  let isAsked = false;
  let isStopped = false;

  async function takeSome(): Promise<boolean> {
    const inputs = await shellStore.from(db, session, next, mostAtOnce);
    const before = next;
    for (const { number, inputSealed } of inputs) {
      // One that is missing is on its way.
      if (number !== next) break;
      const input = await openInput(keyring, inputSealed);
      await typeInto(terminal, input);
      if (input.end) await terminal.session.endInput();
      next += 1;
    }
    if (next > before) await shellStore.taken(db, session, next - 1);
    return next > before;
  }

  async function take(): Promise<void> {
    isAsked = true;
    if (isTaking) return;
    isTaking = true;
    try {
      while (isAsked && !isStopped) {
        // What is told meanwhile may be what was not there yet to be read.
        isAsked = false;
        if (await takeSome()) isAsked = true;
      }
    } catch (error) {
      if (!isStopped) log.warn({ err: withoutValues(error), session }, "input of a shell could not be taken: it ends");
      terminal.close();
    } finally {
      isTaking = false;
    }
  }

  const unsubscribe = feed.subscribe("shell_input", (batch) => {
    if (batch === "resync" || batch.some(({ key }) => key === session)) void take();
  });
  return () => {
    isStopped = true;
    unsubscribe();
  };
}
