import type { Route, RouteSchema } from "../../gen/ts/deploy/v1/route_pb.js";
import type { Session } from "../session.js";
import { placeOf } from "./deployments.js";
import { wordOf } from "./enums.js";
import { addEnvironment, type EnvironmentFlag, environmentOf } from "./environments.js";
import { labelsOf } from "./labels.js";
import { lazy } from "./lazy.js";
import type { Resource } from "./resource.js";
import { ageColumn } from "./times.js";

const api = lazy(() => import("../../gen/ts/deploy/v1/route_pb.js"));

/** A client of the routes. */
export const routes = async (session: Session) => session.client((await api()).RouteService);

/** Filters of the list. */
export interface RouteFilter extends EnvironmentFlag {
  readonly deployment?: string;
}

/** Routes as commands know them: by hostname, with the path where it has one. */
export const routeResource: Resource<typeof RouteSchema, RouteFilter> = {
  noun: "route",
  group: "route",
  reference: "its hostname, HOSTNAME/PATH or uuid",
  flags: (command) =>
    addEnvironment(command, "of this environment: its name or uuid").option(
      "--deployment <deployment>",
      "of this deployment: its name or uuid",
    ),
  kind: {
    schema: async () => (await api()).RouteSchema,
    name: fullName,
    columns: [
      { header: "HOSTNAME", value: ({ hostname }) => hostname },
      { header: "PATH", value: ({ path }) => path },
      { header: "STATE", value: ({ state }) => wordOf(api.now().RouteState, state) },
      { header: "ROUTER", value: ({ router }) => router },
      {
        header: "TRAFFIC",
        value: ({ traffic }) => traffic.map(({ release, percent }) => `${release}:${percent}%`).join(","),
      },
      ageColumn(({ createdAt }) => createdAt),
      { header: "MESSAGE", value: ({ message }) => message },
      { header: "URL", value: ({ url }) => url, wide: true },
      { header: "DEPLOYMENT", value: ({ deployment }) => deployment, wide: true },
      { header: "PROCESS", value: ({ process, service }) => process || service, wide: true },
      { header: "TLS", value: ({ tls }) => tls?.certificate.case, wide: true },
      { header: "ANNOTATIONS", value: ({ annotations }) => labelsOf(annotations), wide: true },
      { header: "UUID", value: ({ uuid }) => uuid, wide: true },
      { header: "VERSION", value: ({ version }) => String(version), wide: true },
    ],
  },
  id: ({ uuid }) => uuid,
  async list(session, flags) {
    return (await (await routes(session)).list(await routePlace(session, flags))).routes;
  },
  async get(session, uuid, flags) {
    return (await (await routes(session)).get({ ...(await routePlace(session, flags)), uuid })).route;
  },
};

/** Where routes are that the flags name. */
export async function routePlace(session: Session, flags: RouteFilter) {
  if (flags.deployment !== undefined) return await placeOf(session, flags.deployment, flags);
  return { project: await session.project(), environment: await environmentOf(session, flags), deployment: "" };
}

function fullName({ hostname, path }: Route): string {
  return path === "" || path === "/" ? hostname : `${hostname}${path}`;
}
