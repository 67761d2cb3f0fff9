import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { Address } from "../config.js";

/** Starts what listens on an address; when that cannot be had, the error names it and its setting. */
export async function listenOn<T>(setting: string, { host, port }: Address, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    const reason = refusals[(error as NodeJS.ErrnoException).code ?? ""];
    if (reason === undefined) throw error;
    throw new Error(`cannot listen on ${host}:${port} (${setting}): ${reason}`, { cause: error });
  }
}

/** With port 0: the port of an earlier URL while that is free, so that what was told of it stays true. */
export async function sameAddress(address: Address, earlier: string | undefined): Promise<Address> {
  if (address.port !== 0 || earlier === undefined || !URL.canParse(earlier)) return address;
  const port = Number(new URL(earlier).port);
  return (await isFree(address.host, port)) ? { ...address, port } : address;
}

/** With port 0: a port that is free now. */
export async function chosenAddress(address: Address): Promise<Address> {
  if (address.port !== 0) return address;
  const probe = createServer();
  await listenOn("SLIPWAY_LISTEN", address, async () => {
    await once(probe.listen(0, address.host), "listening");
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return { ...address, port };
}

/** HOST:PORT, as settings have it. */
export function textOf({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

const refusals: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process does already",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the host is not known",
  EACCES: "this user may not use the port",
};
