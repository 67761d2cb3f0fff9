import { setTimeout as delay } from "node:timers/promises";
import type { ClusterContext, ExecOptions, ExecStreams } from "../extension.js";
import { asFields, asText } from "../fields.js";
import { badRequest } from "../status-error.js";
import type { Fields, KubeObject } from "../types.js";
import { environmentOf, mountedFile } from "./environment.js";
import { containersOf } from "./pod-state.js";
import { initContainersOf, statusOf } from "./pod-status.js";
import { runCommand, type ShellEnvironment } from "./shell.js";
import { terminalLines } from "./terminal-lines.js";

const largestInput = 1024 * 1024;
const longestDelay = 2 ** 31 - 1;

/** A container of a pod with its state; the first one when none is named. */
export function containerOf(
  pod: KubeObject,
  name: string | undefined,
): { container: Fields; status: Fields | undefined } {
  const annotated = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  const own = containersOf(pod);
  const wanted = name ?? annotated;
  const container = [...own, ...initContainersOf(pod)].find((one) => one.name === wanted) ?? own[0] ?? {};
  const { containerStatuses, initContainerStatuses } = pod.status ?? {};
  return { container, status: statusOf(containerStatuses, container) ?? statusOf(initContainerStatuses, container) };
}

/** Plays a command inside of a running container; commands take their real time. */
export async function execute(
  pod: KubeObject,
  { command, container: name, tty }: ExecOptions,
  streams: ExecStreams,
  { store }: ClusterContext,
): Promise<number> {
  const { container, status } = containerOf(pod, name);
  if (asFields(status?.state).running === undefined)
    throw badRequest(`container not found ("${asText(container.name)}")`);
  const { signal, stdin, stdout, stderr } = streams;
  const write = (text: string): void => void (text !== "" && stdout.write(tty ? text.replaceAll("\n", "\r\n") : text));
  const lines = tty ? terminalLines(stdin, write) : undefined;
  const environment: ShellEnvironment = {
    hostname: asText(pod.spec?.hostname) || pod.metadata.name,
    variables: environmentOf(store, pod, container).variables,
    now: () => new Date(),
    readFile: (path) =>
      path === "/etc/hostname" ? `${pod.metadata.name}\n` : mountedFile(store, pod, container, path),
    write,
    // A terminal has one channel for both.
    writeError: (text) => void (tty ? stdout.write(text.replaceAll("\n", "\r\n")) : stderr.write(text)),
    readInput: () => readAll(stdin),
    readLine: lines === undefined ? undefined : () => lines.next(),
    sleep: async (ms) => {
      await delay(Math.min(ms, longestDelay), undefined, { signal }).catch(() => undefined);
    },
    terminal: streams.terminal ?? (() => undefined),
  };
  return await runCommand(environment, command);
}

async function readAll(stdin: ExecStreams["stdin"]): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const piece = Buffer.from(chunk as Uint8Array);
    length += piece.length;
    if (length > largestInput) throw badRequest("a command takes at most 1 MiB of input here");
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString();
}
