import type { ServiceImpl } from "@connectrpc/connect";
import type { RuntimeService } from "../../../../../gen/ts/deploy/v1/runtime_pb.js";
import type { Platform } from "../../../../platform.js";
import { createLogHub } from "./hub.js";
import { streamLogs } from "./stream.js";

/** The methods of RuntimeService that read logs. */
export function logHandlers(platform: Platform): Pick<ServiceImpl<typeof RuntimeService>, "streamLogs"> {
  const hub = createLogHub(platform);
  return {
    streamLogs: (request, { signal }) => streamLogs(platform, hub, request, { signal }),
  };
}
