import { openSlipway } from "@slipway/client";
import { DeploymentPhase, DeploymentService } from "@slipway/client/gen/deploy/v1/deployment_pb.js";
import { watch } from "@slipway/client/watch";

const { SLIPWAY_URL = "http://127.0.0.1:8080", SLIPWAY_TOKEN, SLIPWAY_PROJECT = "" } = process.env;

const deployments = openSlipway({ url: SLIPWAY_URL, token: SLIPWAY_TOKEN }).client(DeploymentService);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const changes = watch(
  (resumeToken, signal) => deployments.watch({ project: SLIPWAY_PROJECT, resumeToken }, { signal }),
  {
    signal: stop.signal,
    onState: (state, problem) => console.log(state, problem?.message ?? ""),
    onRestart: () => console.log("what follows is the present state of everything"),
  },
);
for await (const { deployment } of changes) {
  if (deployment !== undefined) console.log(deployment.name, DeploymentPhase[deployment.phase]);
}
