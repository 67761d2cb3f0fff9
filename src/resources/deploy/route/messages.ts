import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type RouteSchema, RouteState, type RouteTLSSchema } from "../../../../gen/ts/deploy/v1/route_pb.js";
import type { DeploySettings } from "../settings/table.js";
import { sharesOf } from "./shares.js";
import type { RouteRow, RouteView } from "./store.js";
import type { RouteTls } from "./table.js";
import { encryptionOf } from "./tls.js";

type Plain<Init> = Exclude<Init, { $typeName: string }>;

const states = {
  pending: RouteState.PENDING,
  active: RouteState.ACTIVE,
  failed: RouteState.FAILED,
  deleting: RouteState.DELETING,
} as const satisfies Record<RouteRow["state"], RouteState>;

/** A route as the API shows it. */
export function routeMessage(
  row: RouteView,
  settings: Pick<DeploySettings, "tls">,
): Plain<MessageInitShape<typeof RouteSchema>> {
  return {
    uuid: row.id,
    project: row.project,
    deployment: row.deployment,
    hostname: row.hostname,
    path: row.path,
    router: row.router,
    process: row.process,
    port: row.port,
    tls: tlsMessage(row.tls),
    traffic: sharesOf(row, row.activeRelease).map((share) => ({ ...share })),
    state: states[row.state],
    message: row.message,
    url: urlOf(row, settings),
    annotations: { ...row.annotations },
    version: BigInt(row.version),
    createdAt: timestampFromDate(row.createdAt),
    updatedAt: timestampFromDate(row.updatedAt),
    service: row.service,
  };
}

/** Where a route is reached, such as https://shop.example.com/. */
export function urlOf(
  { tls, hostname, path, router, routers }: RouteView,
  settings: Pick<DeploySettings, "tls">,
): string {
  const own = routers.find(({ name }) => name === router);
  const isPlain =
    own === undefined
      ? tls.type === "none"
      : encryptionOf(tls, hostname, own, settings.tls.clusterIssuer).type === "none";
  return `${isPlain ? "http" : "https"}://${hostname}${path}`;
}

function tlsMessage(tls: RouteTls): MessageInitShape<typeof RouteTLSSchema> {
  switch (tls.type) {
    case "none":
      return { certificate: { case: "none", value: true } };
    case "router":
      return { certificate: { case: "router", value: true } };
    case "secret":
      return { certificate: { case: "secret", value: tls.secret } };
    case "issuer":
      return { certificate: { case: "clusterIssuer", value: tls.clusterIssuer } };
  }
}
