import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createKeyring } from "../../../../src/auth/keyring.js";
import { openChange, openConfig, sealChange, sealConfig } from "../../../../src/resources/deploy/spec/seal.js";
import { chart, configChange, nginx, secretIds, variable } from "./contents.js";

const ring = () => createKeyring([{ id: "test", key: randomBytes(32) }]);

test("what is sealed opens as it was, with the same ring alone, and shows nothing", async () => {
  const keyring = ring();
  const use = { secret: secretIds[0] ?? "", key: "k", version: 0, follows: true };
  const variables = [variable("A", "hidden"), variable("B", "", use)];
  const change = {
    ...configChange({ setVariables: variables }),
    source: chart,
    rollback: { number: 2, part: "all" as const },
  };
  const { config } = nginx({ variables, files: [{ path: "/a", content: "hidden" }] });
  const sealed = [await sealChange(keyring, change), await sealConfig(keyring, config)] as const;
  expect(await openChange(keyring, sealed[0])).toEqual(change);
  expect(await openConfig(keyring, sealed[1])).toEqual(config);
  expect(sealed.join()).not.toContain("hidden");
  await expect(openConfig(ring(), sealed[1])).rejects.toThrow();
});
