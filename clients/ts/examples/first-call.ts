import { openSlipway } from "@slipway/client";
import { ClusterService } from "@slipway/client/gen/api/v1/cluster_pb.js";

const { SLIPWAY_URL = "http://127.0.0.1:8080", SLIPWAY_TOKEN, SLIPWAY_PROJECT = "" } = process.env;

const slipway = openSlipway({ url: SLIPWAY_URL, token: SLIPWAY_TOKEN });
const { clusters } = await slipway.client(ClusterService).list({ project: SLIPWAY_PROJECT });
for (const { name, kubernetes } of clusters) console.log(`${name} runs Kubernetes ${kubernetes?.version}`);
