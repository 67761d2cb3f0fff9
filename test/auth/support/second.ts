import { createGrpcTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../../../gen/ts/api/v1/cluster_pb.js";
import { serveApi, urlOf } from "../../../src/commands/api.js";
import type { DatabaseServer } from "../../../src/db/database.js";
import { type OpenPlatform, openPlatform } from "../../../src/process.js";
import { codeOf } from "../../resources/support/refusals.js";
import { openAgain } from "../../support/database.js";
import { as, type TestPlatform } from "../../support/platform.js";

/** Another replica on the database of a test platform. */
export interface SecondServer {
  readonly open: OpenPlatform;
  readonly url: string;
  readonly transport: ReturnType<typeof createGrpcTransport>;
  /** The code with which it answers ClusterService.List. */
  list(token: string, project?: string): Promise<string>;
  close(): Promise<void>;
}

/** How it differs from the first. */
export interface SecondServerOptions {
  readonly maxFeedSilenceMs?: number;
  /** Its way to the database; connections of its own unless given. */
  readonly server?: DatabaseServer;
}

/** Starts a second server as another process would: on PostgreSQL with connections of its own. */
export async function startSecond(platform: TestPlatform, options: SecondServerOptions = {}): Promise<SecondServer> {
  const { url: databaseUrl, server: shared } = platform.database;
  const own = options.server === undefined && databaseUrl !== undefined ? openAgain(databaseUrl) : undefined;
  const server = options.server ?? own ?? shared;
  const { maxFeedSilenceMs = platform.config.maxFeedSilenceMs } = options;
  const open = await openPlatform({
    ...platform.config,
    maxFeedSilenceMs,
    server,
    log: platform.platform.log,
    issuer: () => platform.url,
    kubeconfig: platform.kube.kubeconfig,
  });
  const api = await serveApi(open, server, platform.config, platform.config.listen);
  const url = urlOf(api.address, false);
  const transport = createGrpcTransport({ baseUrl: url });
  return {
    open,
    url,
    transport,
    list: (token, project = platform.project) =>
      codeOf(platform.client(ClusterService, transport).list({ project }, as(token))),
    async close() {
      await api.stop();
      await open.close();
      await own?.close();
    },
  };
}
