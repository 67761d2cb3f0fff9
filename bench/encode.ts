import { randomUUID } from "node:crypto";
import { create, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { ClusterServiceGetResponseSchema, ClusterServiceListResponseSchema } from "../gen/ts/api/v1/cluster_pb.js";
import { encoderOf } from "../src/wire/encoder.js";
import { clusterOf } from "./cluster-message.js";
import { type BenchRun, compareCost, median } from "./measure.js";

/** The processor's time that it takes to encode the answers of Get and of a List of fifty, beside `toBinary`. */
export async function encode(run: BenchRun): Promise<void> {
  const project = randomUUID();
  const clusters = Array.from({ length: 50 }, () => clusterOf(project, randomUUID()));
  const get = create(ClusterServiceGetResponseSchema, { cluster: clusterOf(project, randomUUID()) });
  const list = create(ClusterServiceListResponseSchema, { clusters });
  compareEncoders(run, "encode.get", 5_000, ClusterServiceGetResponseSchema, get);
  compareEncoders(run, "encode.list50", 200, ClusterServiceListResponseSchema, list);
}

/** Ours and the library's take turns, each with so many messages. */
function compareEncoders(run: BenchRun, name: string, messages: number, desc: DescMessage, message: Message): void {
  const encodeMessage = encoderOf(desc);
  if (Buffer.compare(encodeMessage(message), toBinary(desc, message)) !== 0) throw new Error("the bytes differ");
  const ours: number[] = [];
  const baseline: number[] = [];
  const rounds = run.short ? 1 : 15;
  // The first rounds are those in which the code is compiled.
  for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
    const theirCost = costOf(run.short ? 1 : messages, () => toBinary(desc, message));
    const ourCost = costOf(run.short ? 1 : messages, () => encodeMessage(message));
    if (round < 0) continue;
    ours.push(ourCost);
    baseline.push(theirCost);
  }
  run.report(compareCost(name, "us", median(ours), median(baseline), { atLeast: 5 }));
}

/** Of the processor, in microseconds for each message. */
function costOf(messages: number, encodeOne: () => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < messages; i++) encodeOne();
  const { user, system } = process.cpuUsage(before);
  // Not 0, however coarse the clock.
  return Math.max(1, user + system) / messages;
}
