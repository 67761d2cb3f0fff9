import { afterAll, beforeAll, expect, it } from "vitest";
import type { ChangeFeed } from "../../../../../src/changes/feed.js";
import { pause } from "../../../../../src/pause.js";
import { clusterBackends } from "../../../../../src/resources/api/cluster/backends.js";
import { followPartition } from "../../../../../src/resources/api/cluster/inside/background.js";
import { startPlatform, type TestPlatform } from "../../../../support/platform.js";

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ background: false });
});
afterAll(() => platform.close());

it("clusters are looked through once a second, however often they change, and again after the last change", async () => {
  const [[partition, backend] = []] = [...clusterBackends(platform.platform).all];
  if (partition === undefined || backend === undefined) throw new Error("there is no partition");
  let ring = (): void => {};
  const feed: ChangeFeed = {
    ...platform.platform.feed,
    subscribe(_, listener) {
      ring = () => listener("resync");
      return () => {};
    },
  };
  const looks: number[] = [];
  const db = new Proxy(platform.platform.db, {
    get(target, name) {
      if (name === "select") looks.push(performance.now());
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const stop = new AbortController();
  const done = followPartition({ ...platform.platform, feed, db }, partition, backend, [], stop.signal);
  while (looks.length < 4) {
    ring();
    await pause(5);
  }
  const gaps = looks.slice(1).map((at, i) => at - (looks[i] ?? 0));
  // Timers may be early by a millisecond.
  expect(Math.min(...gaps)).toBeGreaterThan(990);
  // The last change is not one for the look in half a minute.
  const before = looks.length;
  ring();
  await expect.poll(() => looks.length, { timeout: 20_000 }).toBeGreaterThan(before);
  stop.abort();
  await done;
});
