import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  StatusService,
  type StatusServiceWatchRequest,
  type StatusServiceWatchResponse,
  StatusServiceWatchResponseSchema,
} from "../../../../gen/ts/status/v1/status_pb.js";
import type { Platform } from "../../../platform.js";
import { healthBoard, type PlatformHealth } from "../../api/health/board.js";

/** status.v1.StatusService: the state of the platform for a status page; answered from memory. */
export function registerStatus(router: ConnectRouter, platform: Platform): void {
  const board = healthBoard(platform);
  const answer = ({ health, overall, broken }: PlatformHealth) => ({
    health,
    overallStatus: overall,
    connectionBroken: broken,
    apiVersion: platform.build.version,
  });
  // All readers get the same message object, so that it is built, and encoded, once for all of them.
  const responses = new WeakMap<PlatformHealth, StatusServiceWatchResponse>();
  const responseOf = (state: PlatformHealth): StatusServiceWatchResponse => {
    const response = responses.get(state) ?? create(StatusServiceWatchResponseSchema, answer(state));
    responses.set(state, response);
    return response;
  };
  router.service(StatusService, {
    get: async () => answer(await board.present()),
    async *watch(_: StatusServiceWatchRequest, { signal }: HandlerContext) {
      for await (const state of board.follow(signal)) yield responseOf(state);
    },
  });
}
