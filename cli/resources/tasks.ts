import type { TaskSchema } from "../../gen/ts/deploy/v1/task_pb.js";
import type { Kind } from "../output.js";
import type { Session } from "../session.js";
import { wordOf } from "./enums.js";
import { lazy } from "./lazy.js";
import { ageColumn, isoOf } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/task_pb.js"));

/** A client of the tasks. */
export const tasks = async (session: Session) => session.client((await api()).TaskService);

/** How tasks are printed. */
export const taskKind: Kind<typeof TaskSchema> = {
  schema: async () => (await api()).TaskSchema,
  name: ({ uuid }) => uuid,
  columns: [
    { header: "UUID", value: ({ uuid }) => uuid },
    { header: "KIND", value: ({ kind }) => wordOf(api.now().TaskKind, kind) },
    { header: "STATE", value: ({ state }) => wordOf(api.now().TaskState, state) },
    { header: "STEPS", value: ({ stepsDone, steps }) => `${stepsDone}/${steps.length}` },
    { header: "RELEASE", value: ({ release }) => (release === 0 ? "" : release) },
    { header: "BY", value: ({ actor }) => actor },
    ageColumn(({ createdAt }) => createdAt),
    { header: "MESSAGE", value: ({ message }) => message },
    { header: "REASON", value: ({ reason }) => reason, wide: true },
    { header: "DEPLOYMENT", value: ({ deployment }) => deployment, wide: true },
    { header: "AT", value: ({ executeAt }) => isoOf(executeAt), wide: true },
    { header: "FINISHED", value: ({ finishedAt }) => isoOf(finishedAt), wide: true },
    { header: "RETRY-OF", value: ({ retryOf }) => retryOf, wide: true },
  ],
};
