import { databaseError } from "../db/errors.js";
import type { Platform } from "../platform.js";
import type { HttpRoute } from "../rpc/http-routes.js";

/** For so long others may keep the keys; `slipway keys rotate` publishes a new one that much earlier than it signs. */
const maxAgeSeconds = 300;

/** /.well-known/jwks.json: the public keys of the tokens. */
export function keyRoutes({ signingKeys }: Pick<Platform, "signingKeys">): readonly HttpRoute[] {
  return [
    {
      method: "GET",
      path: "/.well-known/jwks.json",
      handle: () =>
        signingKeys.published().then(
          (keys) => ({
            status: 200,
            headers: {
              "content-type": "application/jwk-set+json",
              "cache-control": `public, max-age=${maxAgeSeconds}`,
            },
            body: JSON.stringify({ keys }),
          }),
          (error: unknown) => {
            const known = databaseError(error);
            if (known?.kind !== "unavailable") throw error;
            return { status: 503, headers: { "cache-control": "no-store" }, body: `${known.message}\n` };
          },
        ),
    },
  ];
}
