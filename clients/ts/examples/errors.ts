import { Code } from "@connectrpc/connect";
import { openSlipway } from "@slipway/client";
import { ClusterService } from "@slipway/client/gen/api/v1/cluster_pb.js";
import { problemOf } from "@slipway/client/problem";

const { SLIPWAY_URL = "http://127.0.0.1:8080", SLIPWAY_TOKEN, SLIPWAY_PROJECT = "" } = process.env;

const clusters = openSlipway({ url: SLIPWAY_URL, token: SLIPWAY_TOKEN }).client(ClusterService);
try {
  await clusters.create({ project: SLIPWAY_PROJECT, name: "a name that is too long" });
} catch (error) {
  const { code, message, violations } = problemOf(error);
  console.log(`${Code[code]}: ${message}`);
  for (const violation of violations) console.log(`- ${violation.field}: ${violation.message}`);
}
