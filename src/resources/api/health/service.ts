import type { ConnectRouter } from "@connectrpc/connect";
import { HealthService } from "../../../../gen/ts/api/v1/health_pb.js";
import type { Platform } from "../../../platform.js";
import { healthBoard, lostHealth } from "./board.js";

/** api.v1.HealthService: how well the services of the platform work; answered from memory. */
export function registerHealth(router: ConnectRouter, platform: Platform): void {
  const board = healthBoard(platform);
  const lost = lostHealth(platform.assets.partitions);
  router.service(HealthService, {
    async get() {
      const { health, broken } = await board.present();
      return { health: broken ? lost : health };
    },
  });
}
