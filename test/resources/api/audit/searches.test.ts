import { expect, it } from "vitest";
import { limitSearches } from "../../../../src/resources/api/audit/searches.js";

it("three searches run at once, a hundred wait, and more are sent away with a time to come back", async () => {
  const search = limitSearches();
  const endings: (() => void)[] = [];
  const open = Array.from({ length: 103 }, () => search(() => new Promise<void>((end) => endings.push(end))));
  await expect(search(async () => {})).rejects.toMatchObject({ kind: "exhausted", retryAfterMs: 1_000 });
  expect(endings).toHaveLength(3);
  endings[0]?.();
  await open[0];
  await expect.poll(() => endings.length).toBe(4);
  for (let at = 1; at < 103; at += 1) {
    await expect.poll(() => endings.length).toBeGreaterThan(at);
    endings[at]?.();
  }
  await Promise.all(open);
  expect(await search(async () => "done")).toBe("done");
});
