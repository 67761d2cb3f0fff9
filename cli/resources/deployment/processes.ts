import type { JsonValue } from "@bufbuild/protobuf";
import { type Command, InvalidArgumentError } from "commander";
import type { Process } from "../../../gen/ts/deploy/v1/spec_pb.js";
import { Failure } from "../../failure.js";
import { readYaml } from "../content.js";

/** The flags that say as which processes an image runs. */
export interface ProcessFlags {
  readonly port?: readonly number[];
  readonly command?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly healthPath?: string;
  readonly processes?: string;
}

/** The flags of the fields of processes, below a prefix, for violations. */
export function processFields(prefix: string): Record<string, string> {
  return {
    [prefix]: "--processes",
    [`${prefix}.ports.port`]: "--port",
    [`${prefix}.resources.cpu`]: "--cpu",
    [`${prefix}.resources.memory`]: "--memory",
    [`${prefix}.readiness.http.path`]: "--health-path",
    [`${prefix}.command`]: "--command",
  };
}

/** Declares --processes. */
export function addProcessesFile(command: Command): Command {
  return command.option(
    "--processes <file>",
    "all processes, YAML or JSON: a list of what deploy.v1.Process has; - for standard input",
  );
}

/** Declares the flags of the one process `web`, and --processes. */
export function addProcesses(command: Command): Command {
  return addProcessesFile(command)
    .option("--port <port>", "a port on which it listens; the first gets the routes; may come several times", ports)
    .option("--command <command>", "the program instead of that of the image, run by sh -c")
    .option("--cpu <quantity>", "processors that it needs, as in 250m")
    .option("--memory <quantity>", "memory that it needs, as in 128Mi")
    .option("--health-path <path>", "it is ready when GET of this path on its first port succeeds");
}

/** The processes that the flags describe; none for what an image has by itself. */
export async function processesFrom(flags: ProcessFlags): Promise<Process[]> {
  const { port = [], command, cpu, memory, healthPath } = flags;
  const hasOwn = port.length > 0 || [command, cpu, memory, healthPath].some((flag) => flag !== undefined);
  if (flags.processes !== undefined) {
    if (hasOwn) throw new Failure("usage", "--processes has the ports, commands and resources of all processes");
    return await readProcesses(flags.processes);
  }
  if (!hasOwn) return [];
  const listening = port.length === 0 ? [8_080] : port;
  const described = {
    name: "web",
    kind: "PROCESS_KIND_SERVICE",
    ports: listening.map((each, index) => ({ name: index === 0 ? "http" : `port-${each}`, port: each })),
    ...(command === undefined ? {} : { command: ["sh", "-c", command] }),
    resources: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) },
    ...(healthPath === undefined ? {} : { readiness: { http: { path: healthPath, port: "http" } } }),
  };
  return await parse([described]);
}

async function readProcesses(file: string): Promise<Process[]> {
  const found = await readYaml(file);
  const list = isRecord(found) && "processes" in found ? found.processes : found;
  if (!Array.isArray(list)) throw new Failure("usage", `${file} must hold a list of processes`);
  try {
    return await parse(list as JsonValue[]);
  } catch (error) {
    throw new Failure("usage", `${file}: ${error instanceof Error ? error.message : String(error)}`, [
      "docs/deployments.md#processes tells what a process has.",
    ]);
  }
}

async function parse(list: readonly JsonValue[]): Promise<Process[]> {
  const [{ fromJson }, { ProcessSchema }] = await Promise.all([
    import("@bufbuild/protobuf"),
    import("../../../gen/ts/deploy/v1/spec_pb.js"),
  ]);
  return list.map((each) => fromJson(ProcessSchema, each));
}

function ports(text: string, earlier: readonly number[] = []): readonly number[] {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError("It must be a port.");
  return [...earlier, port];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
