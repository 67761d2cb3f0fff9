import type { Keyring } from "../../../auth/keyring.js";
import type { ConfigContent, ReleaseChange } from "./content.js";

/** A change as it is kept. */
export const sealChange = (keyring: Keyring, change: ReleaseChange): Promise<string> =>
  keyring.seal(JSON.stringify(change));

/** The change that was sealed; throws when no key of the ring has sealed it, or it was altered. */
export async function openChange(keyring: Keyring, sealed: string): Promise<ReleaseChange> {
  const change: ReleaseChange = JSON.parse(await keyring.open(sealed));
  return change;
}

/** A configuration as it is kept. */
export const sealConfig = (keyring: Keyring, config: ConfigContent): Promise<string> =>
  keyring.seal(JSON.stringify(config));

/** The configuration that was sealed; throws as `openChange` does. */
export async function openConfig(keyring: Keyring, sealed: string): Promise<ConfigContent> {
  const config: ConfigContent = JSON.parse(await keyring.open(sealed));
  return config;
}
