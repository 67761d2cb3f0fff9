import { type Command, InvalidArgumentError } from "commander";
import type { Route } from "../../gen/ts/deploy/v1/route_pb.js";
import type { Task } from "../../gen/ts/deploy/v1/task_pb.js";
import { confirmed } from "../confirmed.js";
import { Failure } from "../failure.js";
import { setsFields } from "../fields.js";
import { pairs } from "../flags.js";
import { addChange, type ChangeFlags, changeFields, optionsOf, settle } from "../resources/change.js";
import { deploymentResource } from "../resources/deployments.js";
import { addEnvironment, environmentOf } from "../resources/environments.js";
import { examples } from "../resources/examples.js";
import { given } from "../resources/given.js";
import { addGet, addList, findId, findOne } from "../resources/resource.js";
import { type RouteFilter, routePlace, routeResource, routes } from "../resources/routes.js";
import { usableSecret } from "../resources/secret-names.js";
import { run } from "../run.js";
import type { Session } from "../session.js";

interface TlsFlags {
  readonly tlsSecret?: string;
  readonly clusterIssuer?: string;
  readonly routerTls?: boolean;
  readonly tls?: boolean;
}

interface ContentFlags extends RouteFilter, ChangeFlags, TlsFlags {
  readonly hostname?: string;
  readonly path?: string;
  readonly router?: string;
  readonly process?: string;
  readonly port?: string;
  readonly service?: string;
  readonly annotation?: Record<string, string>;
}

interface Share {
  readonly release: number;
  readonly percent: number;
}

const fields = {
  ...changeFields,
  "tls.secret": "--tls-secret",
  "tls.cluster_issuer": "--cluster-issuer",
  tls: "--tls-secret",
};

/** `slipway route`: hostnames under which deployments are reached. */
export function routeCommands(group: Command): void {
  addList(group, routeResource, "list the routes of the project, of an environment or a deployment");
  addGet(group, routeResource);
  const create = addContent(addChange(addEnvironment(group.command("create")), "route"))
    .description("give a deployment a hostname: one below the router's domain, or one of your own")
    .argument("<deployment>", "its name or uuid")
    .option("--hostname <name>", "the hostname; one of the deployment below the router's domain unless told")
    .option("--path <path>", "what paths begin with; all unless told")
    .option("--service <name>", "for a chart: the Service that gets the requests")
    .action(run(createRoute));
  setsFields(create, fields);
  examples(
    create,
    "slipway route create web --wait",
    "slipway route create web --hostname shop.example.com --cluster-issuer letsencrypt",
  );
  const update = addContent(addChange(ofRoute(group.command("update")), "route"))
    .description("change a route; what is not named stays")
    .action(run(updateRoute));
  setsFields(update, { ...fields, "annotations.annotations": "--annotation" });
  examples(update, "slipway route update shop.example.com --process api --port grpc");
  addWeights(group);
  setsFields(addChange(ofRoute(group.command("delete")), "route"), changeFields)
    .description("delete a route")
    .option("-y, --yes", "do not ask")
    .action(run(deleteRoute));
}

function addWeights(group: Command): void {
  const weights = addChange(ofRoute(group.command("weights")), "route")
    .description("divide the requests among two releases; without any the active one gets all")
    .argument("[shares...]", "RELEASE=PERCENT, 100 together; active=PERCENT is the active one", shares)
    .action(run(setWeights));
  setsFields(weights, {
    ...changeFields,
    traffic: "<shares>",
    "traffic.percent": "<shares>",
    "traffic.release": "<shares>",
  });
  examples(
    weights,
    "slipway route weights shop.example.com active=90 3=10 --wait",
    "slipway route weights shop.example.com",
  );
}

function ofRoute(command: Command): Command {
  return (routeResource.flags?.(command) ?? command).argument("<route>", routeResource.reference);
}

function addContent(command: Command): Command {
  return command
    .option("--router <name>", "the router of the target; its default unless told")
    .option("--process <name>", "the process that gets the requests; web or the only one with ports unless told")
    .option("--port <name>", "the name of its port; the first unless told")
    .option("--tls-secret <secret>", "encrypt with the certificate of this TLS secret: its name or uuid")
    .option("--cluster-issuer <name>", "let this cert-manager ClusterIssuer make a certificate")
    .option("--router-tls", "encrypt with what the router has")
    .option("--no-tls", "do not encrypt")
    .option("--annotation <name=value>", "an annotation of its Ingress; may come several times", pairs);
}

async function createRoute(session: Session, reference: string, flags: ContentFlags): Promise<void> {
  const deployment = await findOne(session, deploymentResource, reference, given({ environment: flags.environment }));
  const { hostname, path, router, process, port, service, annotation } = flags;
  const answer = await (await routes(session)).create({
    project: deployment.project,
    environment: await environmentOf(session, flags),
    deployment: deployment.uuid,
    options: optionsOf(flags),
    ...given({ hostname, path, router, process, port, service, annotations: annotation }),
    ...given({ tls: await tlsOf(session, flags, deployment.environment) }),
  });
  await finish(session, flags, answer);
}

async function updateRoute(session: Session, reference: string, flags: ContentFlags): Promise<void> {
  const { router, process, port, annotation } = flags;
  const place = await routePlace(session, flags);
  const uuid = await findId(session, routeResource, reference, flags);
  const changes = given({
    router,
    process,
    port,
    tls: await tlsOf(session, flags, place.environment),
    annotations: annotation === undefined ? undefined : { annotations: annotation },
  });
  if (Object.keys(changes).length === 0) {
    throw new Failure("usage", "nothing to change", ["slipway route update --help lists what can be changed."]);
  }
  await finish(
    session,
    flags,
    await (await routes(session)).update({ ...place, uuid, ...changes, options: optionsOf(flags) }),
  );
}

async function setWeights(
  session: Session,
  reference: string,
  traffic: readonly Share[] | undefined,
  flags: RouteFilter & ChangeFlags,
): Promise<void> {
  const place = await routePlace(session, flags);
  const uuid = await findId(session, routeResource, reference, flags);
  const order = { ...place, uuid, traffic: (traffic ?? []).map((share) => ({ ...share })), options: optionsOf(flags) };
  await finish(session, flags, await (await routes(session)).setTraffic(order));
}

async function deleteRoute(
  session: Session,
  reference: string,
  flags: RouteFilter & ChangeFlags & { readonly yes?: boolean },
): Promise<void> {
  const place = await routePlace(session, flags);
  const uuid = await findId(session, routeResource, reference, flags);
  if (flags.validateOnly !== true) await confirmed(flags, `Delete the route ${reference}?`);
  const { route, task } = await (await routes(session)).delete({ ...place, uuid, options: optionsOf(flags) });
  await settle(session, flags, { tasks: [task], title: `route ${reference}` });
  if (flags.wait === true) return session.note(`deleted ${reference}`);
  if (route !== undefined) await session.out.one(routeResource.kind, route);
}

async function finish(
  session: Session,
  flags: RouteFilter & ChangeFlags,
  { route, task }: { readonly route?: Route | undefined; readonly task?: Task | undefined },
): Promise<void> {
  if (route === undefined) return;
  const isSettled = await settle(session, flags, { tasks: [task], title: `route ${route.hostname}` });
  const { environment } = flags;
  const place = given({ environment, deployment: route.deployment });
  const shown = isSettled ? await routeResource.get(session, route.uuid, place) : route;
  if (shown !== undefined) await session.out.one(routeResource.kind, shown);
}

async function tlsOf(session: Session, { tlsSecret, clusterIssuer, routerTls, tls }: TlsFlags, environment: string) {
  const ways = [tlsSecret, clusterIssuer, routerTls, tls === false ? true : undefined].filter(
    (way) => way !== undefined,
  );
  if (ways.length > 1)
    throw new Failure("usage", "give one of --tls-secret, --cluster-issuer, --router-tls and --no-tls");
  if (tlsSecret !== undefined) {
    const secret = await usableSecret(session, tlsSecret, environment);
    return { certificate: { case: "secret", value: secret } } as const;
  }
  if (clusterIssuer !== undefined) return { certificate: { case: "clusterIssuer", value: clusterIssuer } } as const;
  if (routerTls === true) return { certificate: { case: "router", value: true } } as const;
  return tls === false ? ({ certificate: { case: "none", value: true } } as const) : undefined;
}

function shares(text: string, earlier: readonly Share[] = []): readonly Share[] {
  const match = /^(active|\d{1,9})=(\d{1,3})%?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be RELEASE=PERCENT or active=PERCENT.");
  return [...earlier, { release: match[1] === "active" ? 0 : Number(match[1]), percent: Number(match[2]) }];
}
