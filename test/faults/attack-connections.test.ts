import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Attacked, attacked } from "./support/attack.js";

const attempts = 100_000;
const atOnce = 200;
const perNetwork = 500;

let server: Attacked;
beforeAll(async () => {
  server = await attacked({ listen: { maxConnectionsPerNetwork: perNetwork, headersTimeoutMs: 2_000 } });
});
afterAll(() => server.close());

/** Connects from an address of this machine; resolves when the connection stands, or failed. */
function attempt(from: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: from });
    socket.once("connect", () => resolve(socket)).on("error", () => resolve(socket));
  });
}

it(`${attempts} attempts to connect leave nothing behind`, async () => {
  await server.withstands(
    async () => {
      let made = 0;
      const one = async (): Promise<void> => {
        while (made < attempts) {
          made += 1;
          // Each address has ports for so many.
          const socket = await attempt(`127.0.${1 + (made % 20)}.1`);
          if (socket.destroyed) continue;
          if (made % 3 === 0) socket.write("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
          socket.resetAndDestroy();
        }
      };
      await Promise.all(Array.from({ length: atOnce }, one));
    },
    { growthMb: 200 },
  );
}, 240_000);

it("an address has no more connections than its share, and silent ones are closed", async () => {
  const sockets: Socket[] = [];
  const { during, before } = await server.withstands(
    async () => {
      for (let at = 0; at < 20; at += 1)
        sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => attempt("127.0.9.1")))));
      const open = () => sockets.filter((socket) => !socket.destroyed).length;
      for (const socket of sockets) socket.resume();
      await expect.poll(open, { timeout: 5_000 }).toBeLessThanOrEqual(perNetwork);
    },
    { growthMb: 200 },
  );
  expect(during.sockets - before.sockets).toBeLessThanOrEqual(perNetwork + 8);
});
