// Runs as a process of its own, to be killed: writes objects, and prints the name of each that a watch has shown.
import { startEmbeddedKube } from "../../../src/kube/embedded/server.js";

const [directory = ""] = process.argv.slice(2);
const kube = await startEmbeddedKube({ directory });
const resource = { group: "", resource: "configmaps" };
kube.store.watch(resource, ({ object }) => process.stdout.write(`${object.metadata.name}\n`));
for (let round = 0; ; round += 1) {
  await kube.store.create(resource, { metadata: { name: `object-${round}`, namespace: "default" } });
}
