import { expect, it } from "vitest";
import { InstanceState } from "../../../../gen/ts/deploy/v1/runtime_pb.js";
import { instanceMessage } from "../../../../src/resources/deploy/runtime/instance.js";

const pod = (status: object, metadata: object = {}, state: object = {}) => ({
  metadata: { name: "web-1", ...metadata },
  spec: { nodeName: "node-1", containers: [{ name: "web" }] },
  status: { containerStatuses: [{ name: "web", restartCount: 0, ...state }], ...status },
});
const condition = (type: string, status: string, reason = "", message = "") => ({ type, status, reason, message });
const scheduled = condition("PodScheduled", "True");
const running = { state: { running: {} } };
const waiting = (reason: string, message = "", more: object = {}) => ({
  state: { waiting: { reason, message } },
  ...more,
});

it.each([
  [
    InstanceState.PENDING,
    "Unschedulable: 0/3 nodes are available",
    pod(
      {
        phase: "Pending",
        conditions: [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")],
      },
      {},
      {},
    ),
  ],
  [InstanceState.PENDING, "", pod({ phase: "Pending" })],
  [
    InstanceState.PENDING,
    "ImagePullBackOff: container web no such image",
    pod({ phase: "Pending", conditions: [scheduled] }, {}, waiting("ImagePullBackOff", "no such image")),
  ],
  [
    InstanceState.STARTING,
    "ContainerCreating: container web",
    pod({ phase: "Pending", conditions: [scheduled] }, {}, waiting("ContainerCreating")),
  ],
  [
    InstanceState.NOT_READY,
    "ContainersNotReady: not yet",
    pod(
      { phase: "Running", conditions: [scheduled, condition("Ready", "False", "ContainersNotReady", "not yet")] },
      {},
      running,
    ),
  ],
  [
    InstanceState.READY,
    "",
    pod({ phase: "Running", conditions: [scheduled, condition("Ready", "True")] }, {}, running),
  ],
  [InstanceState.SUCCEEDED, "", pod({ phase: "Succeeded" })],
  [
    InstanceState.FAILED,
    "Evicted: the node was low on memory",
    pod({ phase: "Failed", reason: "Evicted", message: "the node was low on memory" }),
  ],
  [
    InstanceState.FAILED,
    "CrashLoopBackOff: container web ended with 1 (Error)",
    pod(
      { phase: "Running", conditions: [scheduled] },
      {},
      waiting("CrashLoopBackOff", "back-off", {
        restartCount: 3,
        lastState: { terminated: { exitCode: 1, reason: "Error" } },
      }),
    ),
  ],
  [
    InstanceState.TERMINATING,
    "",
    pod({ phase: "Running", conditions: [scheduled] }, { deletionTimestamp: "2026-01-01T00:00:00Z" }, running),
  ],
  [
    InstanceState.LOST,
    "NodeLost: node node-1 is unresponsive",
    pod(
      { phase: "Running", reason: "NodeLost", message: "node node-1 is unresponsive" },
      { deletionTimestamp: "2026-01-01T00:00:00Z" },
      running,
    ),
  ],
  [
    InstanceState.LOST,
    "its node does not answer",
    pod({ phase: "Running", conditions: [scheduled, condition("Ready", "False", "NodeNotReady")] }, {}, running),
  ],
])("an instance is in state %i: %s", (state, message, live) => {
  expect(instanceMessage("deployment", live)).toMatchObject({ name: "web-1", node: "node-1", state, message });
});

it("a pod that says nothing sensible of itself is shown all the same", () => {
  const odd = {
    metadata: { name: "web-1", labels: { "slipway.dev/release": "many" }, creationTimestamp: "yesterday" },
    spec: { containers: "none" },
    status: { containerStatuses: [null, { restartCount: "often" }], conditions: 7 },
  };
  expect(instanceMessage("deployment", odd)).toEqual({
    ...{ name: "web-1", deployment: "deployment", process: "", release: 0, node: "", address: "" },
    ...{ restarts: 0, containers: [], state: InstanceState.PENDING, message: "" },
  });
});
