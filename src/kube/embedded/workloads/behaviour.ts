import { asList, asText } from "../fields.js";
import type { Fields, KubeObject } from "../types.js";
import { asks } from "./names.js";
import { durationOf } from "./objects.js";
import { runCommand } from "./shell.js";

/** What may go wrong with a container on demand: by annotation, or as the tag or the last part of its image's name. */
export const podFaults = ["pull-error", "crash-loop", "never-ready", "slow-start"] as const;

/** One of `podFaults`. */
export type PodFault = (typeof podFaults)[number];

/** A line that a container writes so many milliseconds after its start. */
export interface PlannedLine {
  readonly ms: number;
  readonly text: string;
}

/** What a container is going to do once it is started; simulated milliseconds. */
export interface Plan {
  readonly fault: PodFault | undefined;
  /** When it is ready; undefined for never. */
  readonly readyAfter: number | undefined;
  /** When and how it ends; undefined when it goes on for good. */
  readonly end: { readonly ms: number; readonly code: number } | undefined;
  readonly lines: readonly PlannedLine[];
}

const shortRun = 1000;
const slowStart = 30_000;
const probeDelay = 500;
const mostLines = 1000;

/** The fault that a container is to show, if any. */
export function faultOf(pod: KubeObject, { image }: Fields): PodFault | undefined {
  const [path = ""] = asText(image).split("@");
  const [name = "", tag = ""] = path.slice(path.lastIndexOf("/") + 1).split(":");
  const asked = [pod.metadata.annotations?.[asks.fault], tag, name];
  return podFaults.find((fault) => asked.includes(fault));
}

/** What a container is going to do: as annotations say, as its command says where that can be played, or what most do. */
export async function planOf(
  pod: KubeObject,
  container: Fields,
  isInit: boolean,
  variables: ReadonlyMap<string, string>,
): Promise<Plan> {
  const annotations = pod.metadata.annotations ?? {};
  const fault = faultOf(pod, container);
  const told = asText(annotations[asks.log]).split("\n").filter(Boolean);
  const played = await playOf(pod, container, variables);
  const lines = [
    { ms: 0, text: startLine(container) },
    ...told.map((text) => ({ ms: 0, text })),
    ...(played?.lines ?? []),
  ];
  const [runFor, exitCode] = [durationOf(annotations[asks.runFor]), annotations[asks.exitCode]];
  const code = Number(exitCode ?? (fault === "crash-loop" ? 1 : 0)) & 255;
  const ends = isInit || fault === "crash-loop" || runFor !== undefined || exitCode !== undefined || !isService(pod);
  const asked = { ms: runFor ?? shortRun, code };
  const isAsked = fault === "crash-loop" || (!isInit && (runFor !== undefined || exitCode !== undefined));
  const end = isAsked || played === undefined ? (ends ? asked : undefined) : played.end;
  return { fault, readyAfter: readyAfter(pod, container, fault), end, lines: lines.slice(0, mostLines) };
}

function isService({ spec }: KubeObject): boolean {
  return (spec?.restartPolicy ?? "Always") === "Always";
}

function readyAfter(pod: KubeObject, container: Fields, fault: PodFault | undefined): number | undefined {
  if (fault === "never-ready") return undefined;
  const asked = durationOf(pod.metadata.annotations?.[asks.readyAfter]);
  if (asked !== undefined) return asked;
  if (fault === "slow-start") return slowStart;
  const probe = container.readinessProbe as { initialDelaySeconds?: unknown } | undefined;
  return probe === undefined ? 0 : Number(probe.initialDelaySeconds ?? 0) * 1000 + probeDelay;
}

function startLine(container: Fields): string {
  const command = commandOf(container);
  return `starting ${asText(container.image)}${command.length > 0 ? `: ${command.join(" ")}` : ""}`;
}

/** The command of a container with its arguments. */
export function commandOf({ command, args }: Fields): string[] {
  const texts = (list: unknown): string[] => (Array.isArray(list) ? list.map(asText) : []);
  return [...texts(command), ...texts(args)];
}

class Unplayable extends Error {}

/** Plays the command of a container in no time; undefined when it has none, or one that cannot be played. */
async function playOf(
  pod: KubeObject,
  container: Fields,
  variables: ReadonlyMap<string, string>,
): Promise<Pick<Plan, "end" | "lines"> | undefined> {
  const command = commandOf(container).map((word) =>
    word.replace(/\$\(([\w.-]+)\)/g, (all, name: string) => variables.get(name) ?? all),
  );
  if (command.length === 0 || asList(container.command).length === 0) return undefined;
  let ms = 0;
  let text = "";
  const lines: PlannedLine[] = [];
  const write = (piece: string): void => {
    const parts = (text + piece).split("\n");
    text = parts.pop() ?? "";
    for (const part of parts) lines.push({ ms, text: part });
  };
  const give = (): never => {
    throw new Unplayable();
  };
  try {
    const code = await runCommand(
      {
        hostname: pod.metadata.name,
        variables,
        now: () => new Date(pod.metadata.creationTimestamp),
        readFile: give,
        readInput: async () => "",
        terminal: () => undefined,
        write,
        writeError: write,
        sleep: async (time) => {
          ms += time;
          if (!Number.isFinite(ms)) give();
        },
        unknown: give,
      },
      command,
    );
    return { end: { ms, code }, lines };
  } catch (error) {
    if (error instanceof Unplayable) return Number.isFinite(ms) ? undefined : { end: undefined, lines };
    throw error;
  }
}
