import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../../../src/kube/objects.js";
import { persistentVolumes } from "../../../../src/resources/api/volume/kube-types.js";
import { sendStatus } from "../../../kube/stub-server.js";
import { type InsideProxy, openInsideProxy } from "../../support/inside-proxy.js";
import { codeOf, refusal } from "../../support/refusals.js";
import { eventually, openStorageWorld, type StorageWorld } from "../../support/storage.js";

let world: StorageWorld;
let proxy: InsideProxy;
beforeAll(async () => {
  proxy = await openInsideProxy();
  world = await openStorageWorld({ reroute: proxy.reroute });
}, 120_000);
afterAll(async () => {
  await world.close();
  await proxy.close();
});
beforeEach(() => proxy.leave());

const labelsOf = async (name: string) =>
  Object.fromEntries(((await world.list({ name }))[0]?.labels ?? []).map(({ key, value }) => [key, value]));
const newVolume = async (name: string) => {
  await world.claim(name);
  const { uuid } = await world.volume(name);
  const { items } = await world.inside.list<KubeObject & { spec?: { claimRef?: { name?: string } } }>(
    persistentVolumes,
  );
  const found = items.find(({ spec }) => spec?.claimRef?.name === name)?.metadata.name ?? "";
  /** As its tenant, by kubectl. */
  const label = (value: string) =>
    world.inside.mergePatch<KubeObject>(persistentVolumes, { name: found }, { metadata: { labels: { team: value } } });
  const update = (value: string) =>
    world.volumes.update({ ...world.place(uuid), labels: { update: [{ key: "team", value }] } }, world.owner);
  const present = async () =>
    (await world.inside.get<KubeObject>(persistentVolumes, { name: found })).metadata.labels?.team;
  return { uuid, label, update, present };
};

describe("labels of a volume", () => {
  it("stay those of a later change that was seen before an update had its answer", async () => {
    const { label, update } = await newVolume("overtaken");
    let later: Promise<unknown> | undefined;
    proxy.meddle(async ({ method, path }, response) => {
      if (method !== "PATCH" || !path.includes("/persistentvolumes/")) return false;
      // The change is made; before its answer goes out, another one comes and is listed.
      later ??= (async () => {
        await label("shop");
        await label("press");
        await eventually(async () => expect(await labelsOf("overtaken")).toEqual({ team: "press" }));
        const body = { kind: "PersistentVolume", metadata: { name: "overtaken", labels: { team: "shop" } } };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
      })();
      await later;
      return true;
    });
    expect((await update("shop")).volume?.labels).toMatchObject([{ key: "team", value: "shop" }]);
    expect(await labelsOf("overtaken")).toEqual({ team: "press" });
  });

  it("are listed as an update has answered them, and end as they are in the cluster whoever changes them", async () => {
    const { label, update, present } = await newVolume("contended");
    await update("first");
    expect(await labelsOf("contended")).toEqual({ team: "first" });
    await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? update(`u${i}`) : label(`k${i}`))));
    const team = await present();
    await eventually(async () => expect(await labelsOf("contended")).toEqual({ team }));
  });
});

describe("a cluster that refuses a change", () => {
  it.each([
    [403, "Forbidden", "FailedPrecondition", "does not allow this"],
    [404, "NotFound", "FailedPrecondition", "does not have it any more"],
    [409, "Conflict", "FailedPrecondition", "changed in the cluster"],
    [422, "Invalid", "FailedPrecondition", "does not allow this"],
    [401, "Unauthorized", "Unavailable", "does not accept"],
    [500, "InternalError", "Unavailable", "does not answer"],
  ])("with %i is not taken for the platform, nor quoted", async (status, reason, code, message) => {
    const name = `refused-${status}`;
    const { uuid, update } = await newVolume(name);
    proxy.meddle(({ method }, response) => {
      if (method === "GET") return false;
      sendStatus(response, status, `${reason} by a secret webhook`);
      return true;
    });
    const expected = { code, message: expect.stringContaining(message) };
    for (const call of [() => update("x"), () => world.volumes.delete(world.place(uuid), world.owner)]) {
      const refused = await refusal(call());
      if (status === 404 && refused.code === "OK") continue;
      expect(refused).toMatchObject(expected);
      expect(refused.message).not.toMatch(/webhook|backend|refused-/);
    }
    proxy.leave();
    expect(await codeOf(world.volumes.get(world.place(uuid), world.owner))).toBe("OK");
  });
});
