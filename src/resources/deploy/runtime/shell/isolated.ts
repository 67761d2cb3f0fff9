import { randomBytes } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  RuntimeServiceRunCommandRequest,
  RuntimeServiceRunCommandResponseSchema,
} from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import { invalidField } from "../../../../errors.js";
import type { KubeClient, Place } from "../../../../kube/client.js";
import { notFound } from "../../../../kube/errors.js";
import { pods } from "../../../../kube/objects.js";
import { pause } from "../../../../pause.js";
import type { Platform } from "../../../../platform.js";
import { isRecord } from "../../../../record.js";
import { labels } from "../../engine/labels.js";
import { targetAccess } from "../../target/access.js";
import { linesOf } from "../logs/lines.js";
import { podPlace } from "../logs/place.js";
import { chooseInstance, type Pod } from "./instance.js";

type Answer = MessageInitShape<typeof RuntimeServiceRunCommandResponseSchema>;

const lookMs = 500;
const deleteMs = 10_000;

/** Runs a command in a copy of an instance that gets no requests, and removes it in the end. */
export async function* runIsolated(
  platform: Platform,
  request: RuntimeServiceRunCommandRequest,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): AsyncGenerator<Answer, void, undefined> {
  if (request.stdin.length > 0) throw invalidField("stdin", "is not for a command that runs in a pod of its own");
  if (request.instance !== "") throw invalidField("instance", "is not for a command that runs in a pod of its own");
  const place = await podPlace(platform, request);
  const client = targetAccess(platform, place.target);
  const name = `${place.row.objectName}-run-${randomBytes(4).toString("hex")}`;
  const pod = { namespace: place.selection.namespace, name };
  try {
    const model = await chooseInstance(client, place, { process: request.process, instance: "" }, signal);
    await client.create(pods, copyOf(model, pod, request, seconds), { signal });
    yield { instance: name };
    yield* outputOf(client, pod, signal);
    yield { exitCode: await exitCodeOf(client, pod, signal) };
  } finally {
    await client
      .delete(pods, pod, { timeoutMs: deleteMs })
      .catch((error: unknown) => {
        if (!notFound(error)) platform.log.warn({ pod: name, deployment: place.row.id }, "a pod of a command was left");
      })
      .finally(() => client.close());
  }
}

/** A pod like an instance, whose first container runs the command; no Service selects it. */
function copyOf(
  model: Pod,
  { namespace, name }: Place,
  request: RuntimeServiceRunCommandRequest,
  seconds: number,
): Pod {
  const spec = isRecord(model.spec) ? model.spec : {};
  const containers = Array.isArray(spec.containers) ? spec.containers.filter(isRecord) : [];
  const index = request.container === "" ? 0 : containers.findIndex((one) => one.name === request.container);
  const container = containers[index];
  if (container === undefined) throw invalidField("container", "is none of the instance's containers");
  const [program, ...args] = request.command;
  const { livenessProbe: _l, readinessProbe: _r, startupProbe: _s, ports: _p, ...kept } = container;
  // Where and as whom it ran was decided for the other one.
  const { nodeName: _n, containers: _c, hostname: _h, subdomain: _d, ...same } = spec;
  const marks = model.metadata.labels ?? {};
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        [labels.managedBy]: marks[labels.managedBy] ?? "slipway",
        [labels.project]: marks[labels.project] ?? "",
        "slipway.dev/run-of": model.metadata.name.slice(0, 63).replace(/[^A-Za-z0-9]+$/, ""),
      },
    },
    spec: {
      ...same,
      restartPolicy: "Never",
      activeDeadlineSeconds: seconds,
      containers: [{ ...kept, command: [program], args }],
    },
  };
}

async function* outputOf(client: KubeClient, pod: Place, signal: AbortSignal): AsyncGenerator<Answer, void, undefined> {
  await untilStarted(client, pod, signal);
  const query = { follow: "true", timestamps: "true" };
  for await (const lines of linesOf(await client.streamBelow(pods, pod, "log", query, signal))) {
    yield { stdout: Buffer.from(lines.map(({ text }) => `${text}\n`).join("")) };
  }
}

async function untilStarted(client: KubeClient, pod: Place, signal: AbortSignal): Promise<void> {
  while (phaseOf(await client.get<Pod>(pods, pod, { signal })) === "Pending") {
    await pause(lookMs, signal);
    signal.throwIfAborted();
  }
}

/** How the command ended; the log ends a moment before its pod says it. */
async function exitCodeOf(client: KubeClient, pod: Place, signal: AbortSignal): Promise<number> {
  for (;;) {
    const live = await client.get<Pod>(pods, pod, { signal });
    const code = exitIn(live);
    if (code !== undefined) return code;
    await pause(lookMs, signal);
    signal.throwIfAborted();
  }
}

const phaseOf = ({ status }: Pod): unknown => (isRecord(status) ? status.phase : undefined);

function exitIn({ status }: Pod): number | undefined {
  const states = isRecord(status) && Array.isArray(status.containerStatuses) ? status.containerStatuses : [];
  const [first] = states.filter(isRecord);
  const state = isRecord(first?.state) ? first.state : {};
  const ended = isRecord(state.terminated) ? state.terminated.exitCode : undefined;
  return typeof ended === "number" ? ended : undefined;
}
