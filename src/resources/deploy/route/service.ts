import type { ConnectRouter } from "@connectrpc/connect";
import { RouteService } from "../../../../gen/ts/deploy/v1/route_pb.js";
import { callerOf } from "../../../caller.js";
import type { Platform } from "../../../platform.js";
import { settingsOf } from "../settings/store.js";
import { taskMessage } from "../task/messages.js";
import type { Accepted } from "./answer.js";
import { deleteRoute, setTraffic, updateRoute } from "./change.js";
import { createRoute } from "./create.js";
import { routeMessage } from "./messages.js";
import { found } from "./rules.js";
import { type RouteView, routeStore } from "./store.js";
import { swapRoutes } from "./swap.js";

/** deploy.v1.RouteService: hostnames under which deployments are reached from outside. */
export function registerRoute(router: ConnectRouter, platform: Platform): void {
  const { db } = platform;
  const shown = (rows: readonly RouteView[]) => messagesOf(platform, rows);
  router.service(RouteService, {
    create: async (request, context) =>
      await answer(platform, createRoute(platform, callerOf(context).user, request), request),
    async get({ project, environment, deployment, uuid: id }) {
      const row = found(await routeStore.get(db, { project, environment, deployment, id }), id);
      const [route] = await shown([row]);
      return { route };
    },
    async list({ project, environment, deployment, hostname }) {
      return { routes: await shown(await routeStore.list(db, { project, environment, deployment }, hostname)) };
    },
    update: async (request, context) =>
      await answer(platform, updateRoute(platform, callerOf(context).user, request), request),
    delete: async (request, context) =>
      await answer(platform, deleteRoute(platform, callerOf(context).user, request), request),
    setTraffic: async (request, context) =>
      await answer(platform, setTraffic(platform, callerOf(context).user, request), request),
    async swap(request, context) {
      const { routes, tasks } = await swapRoutes(platform, callerOf(context).user, request);
      return { routes: await shown(routes), tasks: tasks.map((task) => trialOf(request, taskMessage(task))) };
    },
  });
}

type Asked = { readonly options?: { readonly validateOnly: boolean } | undefined };

async function answer(platform: Platform, change: Promise<Accepted>, request: Asked) {
  const { routes, task } = await change;
  const [route] = await messagesOf(platform, routes);
  return { ...(route === undefined ? {} : { route }), task: trialOf(request, taskMessage(task)) };
}

/** What would be has no uuid. */
const trialOf = <Message extends { uuid?: string }>({ options }: Asked, message: Message): Message =>
  options?.validateOnly === true ? { ...message, uuid: "" } : message;

/** All of one project: the settings are those of one tenant. */
async function messagesOf({ db }: Platform, rows: readonly RouteView[]) {
  const [first] = rows;
  if (first === undefined) return [];
  const settings = await settingsOf(db, first.tenant);
  return rows.map((row) => routeMessage(row, settings));
}
