import type { ConnectRouter } from "@connectrpc/connect";
import { VersionService } from "../../../../gen/ts/api/v1/version_pb.js";
import type { Platform } from "../../../platform.js";

/** api.v1.VersionService: which build of the server answers. */
export function registerVersion(router: ConnectRouter, platform: Platform): void {
  router.service(VersionService, { get: () => ({ version: platform.build }) });
}
