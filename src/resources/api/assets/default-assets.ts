/** The demo region: what `slipway dev` offers when no assets file is given. In proto JSON of api.v1.Asset. */
export const defaultAssets = {
  muc: {
    region: {
      id: "muc",
      name: "muc",
      address: "Munich",
      active: true,
      description: "Munich, Germany",
      partitions: {
        "eqx-mu4": {
          id: "eqx-mu4",
          name: "eqx-mu4",
          address: "Munich",
          active: true,
          description: "Equinix MU4",
        },
      },
      defaults: {
        machineType: "n1-medium-x86",
        kubernetesVersion: "1.33.5",
        workerMin: 1,
        workerMax: 3,
        partition: "eqx-mu4",
      },
    },
    machineTypes: {
      "n1-medium-x86": {
        id: "n1-medium-x86",
        name: "n1-medium-x86",
        cpus: 8,
        memory: "34359738368",
        storage: "960000000000",
        cpuDescription: "8 cores",
        storageDescription: "960 GB NVMe",
      },
      "c1-medium-x86": {
        id: "c1-medium-x86",
        name: "c1-medium-x86",
        cpus: 8,
        memory: "137438953472",
        storage: "960000000000",
        cpuDescription: "8 cores",
        storageDescription: "960 GB NVMe",
      },
      "c1-large-x86": {
        id: "c1-large-x86",
        name: "c1-large-x86",
        cpus: 24,
        memory: "206158430208",
        storage: "960000000000",
        cpuDescription: "24 cores",
        storageDescription: "960 GB NVMe",
      },
    },
    kubernetes: [{ version: "1.34.1" }, { version: "1.33.5" }, { version: "1.32.9" }],
  },
};
