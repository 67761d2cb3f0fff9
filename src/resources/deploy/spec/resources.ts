import type { Resources } from "../../../../gen/ts/deploy/v1/spec_pb.js";
import { invalidField } from "../../../errors.js";
import { bytesOf, millisOf } from "../../../kube/quantity.js";
import type { ProcessContent } from "./content.js";

/** What a container needs and may use, as it is asked for. Throws "invalid" for what Kubernetes would refuse. */
export function resourcesOf(at: string, resources: Resources | undefined): ProcessContent["resources"] {
  const { cpu = "", memory = "", cpuLimit = "", memoryLimit = "" } = resources ?? {};
  refuseAbove(`${at}.cpu`, amountOf(`${at}.cpu`, cpu, millisOf), amountOf(`${at}.cpu_limit`, cpuLimit, millisOf));
  refuseAbove(
    `${at}.memory`,
    amountOf(`${at}.memory`, memory, bytesOf),
    amountOf(`${at}.memory_limit`, memoryLimit, bytesOf),
  );
  return { cpu, memory, cpuLimit, memoryLimit };
}

function amountOf(field: string, text: string, count: typeof bytesOf): bigint | undefined {
  if (text === "") return undefined;
  const amount = count(text);
  if (amount === undefined) throw invalidField(field, "must be a Kubernetes quantity, such as 250m or 256Mi");
  return amount;
}

function refuseAbove(field: string, request: bigint | undefined, limit: bigint | undefined): void {
  if (request !== undefined && limit !== undefined && request > limit) {
    throw invalidField(field, `must not be above ${field.slice(field.lastIndexOf(".") + 1)}_limit`);
  }
}
