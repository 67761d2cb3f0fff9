import { capacityOf } from "../machine-nodes.js";
import type { NewObject, ObjectStore, ResourceName } from "../types.js";
import { type GardenerSimulatorOptions, simulatorSettings } from "./settings.js";
import { cloudProfiles, namespaces, secrets, seeds } from "./types.js";

/** Makes the objects that a Gardener's operators would: CloudProfile, Seed, and credentials for the provider. */
export async function seedGarden(store: ObjectStore, options: GardenerSimulatorOptions): Promise<void> {
  const { namespace, name } = simulatorSettings.credentialsBinding.credentials;
  await put(store, namespaces, { metadata: { name: namespace } });
  await put(store, secrets, { metadata: { name, namespace }, type: "Opaque", data: {} });
  await put(store, seeds, {
    metadata: { name: "soil" },
    spec: { provider: { type: simulatorSettings.provider.type, region: options.regions[0]?.name } },
  });
  await put(store, cloudProfiles, {
    metadata: { name: simulatorSettings.cloudProfile.name },
    spec: cloudProfileSpec(options),
  });
}

function cloudProfileSpec({ regions, kubernetesVersions, machineTypes }: GardenerSimulatorOptions) {
  return {
    type: simulatorSettings.provider.type,
    kubernetes: {
      versions: kubernetesVersions.map(({ version, expiration }) => ({
        version,
        classification: "supported",
        ...(expiration === undefined ? {} : { expirationDate: expiration.toISOString() }),
      })),
    },
    machineTypes: machineTypes.map((type) => ({ name: type.name, ...capacityOf(type), gpu: "0", usable: true })),
    machineImages: [{ name: "debian", versions: [{ version: "13.0.0", cri: [{ name: "containerd" }] }] }],
    regions: regions.map(({ name, zones }) => ({ name, zones: zones.map((zone) => ({ name: zone })) })),
  };
}

/** What is offered may have changed since the last start. */
async function put(store: ObjectStore, resource: ResourceName, object: NewObject): Promise<void> {
  const { name = "", namespace } = object.metadata;
  const found = await store.modify({ ...resource, namespace, name }, (draft) => {
    if (object.spec !== undefined) draft.spec = object.spec;
  });
  if (found === undefined) await store.create(resource, object);
}
