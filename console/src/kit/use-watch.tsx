import { Code } from "@connectrpc/connect";
import { useEffect, useEffectEvent, useState } from "react";
import { type Problem, problemOf } from "../../../clients/ts/src/problem.js";
import { type OpenStream, watch } from "../../../clients/ts/src/watch.js";
import { reach } from "../app/reach.js";
import { session } from "../app/session.js";
import classes from "./use-watch.module.css";

/** Where a stream stands: `ended` by the server, `failed` for a reason that trying again does not mend. */
export interface WatchState {
  readonly state: "connecting" | "live" | "waiting" | "paused" | "ended" | "failed";
  readonly problem?: Problem;
}

/** A tab that nobody looks at closes its streams; over plain HTTP a browser has six connections for all tabs. */
const hiddenMs = () => (location.protocol === "https:" ? 300_000 : 15_000);

/**
 * Follows a stream as long as the component is there. `reduce` gets what has arrived since the last frame, in order;
 * it usually merges it into the cache of a query. `onRestart` hears that the stream begins anew with the present state:
 * read the query again there, for nobody has told what went in between. Another `key` is another stream; an undefined
 * one is none.
 */
export function useWatch<Res>(
  key: string | undefined,
  open: OpenStream<Res>,
  reduce: (answers: readonly Res[]) => void,
  onRestart?: () => void,
): WatchState {
  const [state, setState] = useState<WatchState>({ state: "connecting" });
  const opening = useEffectEvent(open);
  const reducing = useEffectEvent(reduce);
  const restarting = useEffectEvent(() => onRestart?.());
  useEffect(() => {
    if (key === undefined) return;
    setState({ state: "connecting" });
    return follow<Res>(
      (token, signal) => opening(token, signal),
      (answers) => reducing(answers),
      () => restarting(),
      setState,
    );
  }, [key]);
  return state;
}

function follow<Res>(
  open: OpenStream<Res>,
  reduce: (answers: readonly Res[]) => void,
  onRestart: () => void,
  setState: (state: WatchState) => void,
): () => void {
  let running: AbortController | undefined;
  let resumeToken = "";
  let wasLive = false;
  let hidden: ReturnType<typeof setTimeout> | undefined;
  const batch = batched(reduce);
  const run = async (): Promise<void> => {
    running?.abort();
    const controller = new AbortController();
    running = controller;
    const { signal } = controller;
    try {
      const onState = (state: "connecting" | "live" | "waiting", problem?: Problem) => {
        if (signal.aborted) return;
        if (state === "live") {
          if (wasLive && resumeToken === "") onRestart();
          wasLive = true;
        }
        if (state === "waiting" && problem?.code === Code.Unavailable) reach.doubt();
        setState(problem === undefined ? { state } : { state, problem });
      };
      for await (const answer of watch(open, { signal, resumeToken, onState, onRestart })) {
        if (signal.aborted) return;
        resumeToken = tokenOf(answer) ?? resumeToken;
        batch.add(answer);
      }
      if (!signal.aborted) setState({ state: "ended" });
    } catch (error) {
      if (signal.aborted) return;
      const problem = problemOf(error);
      // A stream ends with the token that opened it.
      if (problem.code === Code.Unauthenticated && (await session.renew().catch(() => undefined)) !== undefined) {
        if (!signal.aborted) setTimeout(() => !signal.aborted && void run(), 1_000);
      } else setState({ state: "failed", problem });
    }
  };
  const onVisibility = () => {
    clearTimeout(hidden);
    if (!document.hidden && running === undefined) return void run();
    if (!document.hidden) return;
    hidden = setTimeout(() => {
      running?.abort();
      running = undefined;
      setState({ state: "paused" });
    }, hiddenMs());
  };
  document.addEventListener("visibilitychange", onVisibility);
  const offReturn = reach.onReturn(() => void (running !== undefined && run()));
  void run();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    offReturn();
    clearTimeout(hidden);
    running?.abort();
    batch.stop();
  };
}

/** Hands on what has arrived once a frame; tabs that are not shown have no frames, but timers. */
function batched<Res>(reduce: (answers: readonly Res[]) => void) {
  let waiting: Res[] = [];
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = () => {
    if (frame !== undefined) cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = undefined;
    timer = undefined;
  };
  const flush = () => {
    cancel();
    const answers = waiting;
    waiting = [];
    if (answers.length > 0) reduce(answers);
  };
  return {
    add(answer: Res) {
      waiting.push(answer);
      if (timer !== undefined) return;
      frame = requestAnimationFrame(flush);
      timer = setTimeout(flush, 500);
    },
    stop() {
      cancel();
      waiting = [];
    },
  };
}

function tokenOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("resumeToken" in answer)) return undefined;
  return typeof answer.resumeToken === "string" && answer.resumeToken !== "" ? answer.resumeToken : undefined;
}

const words: Readonly<Record<WatchState["state"], string>> = {
  connecting: "Connecting",
  live: "Live",
  waiting: "Reconnecting",
  paused: "Paused",
  ended: "Ended",
  failed: "Not live",
};

/** A small dot that tells whether what is shown follows the server. */
export function LiveDot({ watch: { state, problem } }: { watch: WatchState }) {
  return (
    <span className={classes.live} data-state={state} title={problem?.message}>
      <span className={classes.dot} aria-hidden="true" />
      {words[state]}
    </span>
  );
}
