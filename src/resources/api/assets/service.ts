import type { ConnectRouter } from "@connectrpc/connect";
import { AssetService } from "../../../../gen/ts/api/v1/assets_pb.js";
import type { Platform } from "../../../platform.js";

/** api.v1.AssetService: what can be ordered, as the configuration says. */
export function registerAssets(router: ConnectRouter, platform: Platform): void {
  const assets = platform.assets.all;
  router.service(AssetService, {
    list: () => ({ assets, assetList: Object.values(assets), environment: {} }),
  });
}
