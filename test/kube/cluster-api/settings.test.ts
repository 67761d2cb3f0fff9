import { describe, expect, test } from "vitest";
import { withClient } from "../../../src/resources/api/cluster/cluster-api-kubeconfig.js";
import { readClusterApiSettings } from "../../../src/resources/api/cluster/cluster-api-settings.js";

const settings = {
  clusterClass: { name: "metal", namespace: "classes" },
  controlPlaneReplicas: 3,
  workerClass: "default-worker",
  workerClasses: { "c1-large-x86": "large-worker" },
  machineTypeVariable: "machineType",
  namespacePrefix: "x-",
  clusterNetwork: { pods: { cidrBlocks: ["10.0.0.0/16"] } },
  variables: { count: 2 },
};

describe("settings", () => {
  test("that are right are taken as they are", () => {
    expect(readClusterApiSettings(settings, "x")).toBe(settings);
  });

  test("that are wrong are told all at once", () => {
    const wrong = {
      clusterClass: { name: 3, namespace: "a", version: 1 },
      controlPlaneReplicas: 2,
      workerClasses: { a: 1 },
      namespacePrefix: "Upper",
      variables: [],
      colour: "blue",
    };
    expect(() => readClusterApiSettings(wrong, "p")).toThrow(
      [
        "p.colour is not known",
        "p.clusterClass.version is not known",
        "p.clusterClass.name must be a text",
        "p.controlPlaneReplicas must be an odd number from 1",
        "p.workerClass must be a text",
        "p.workerClasses must be a map from machine type to class",
        "p.namespacePrefix must be up to 54 lower case letters, digits and '-', beginning with a letter or digit",
        "p.variables must be an object",
      ].join("; "),
    );
    expect(() => readClusterApiSettings(undefined, "p")).toThrow("p must be an object");
  });
});

test.each(["", "{", "a: [s3cret", "clusters: []", "current-context: a"])(
  "a kubeconfig of Cluster API that is of no use is refused: %j",
  (text) => {
    const pair = { certificate: "c", key: "k" };
    expect(() => withClient(text, pair)).toThrow(expect.objectContaining({ kind: "unavailable" }));
    expect(() => withClient(text, pair)).not.toThrow(/s3cret/);
  },
);
