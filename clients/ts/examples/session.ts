import { openSlipway } from "@slipway/client";
import { AuthService } from "@slipway/client/gen/iam/v1/auth_pb.js";
import { sessionTokens } from "@slipway/client/session-tokens";

const {
  SLIPWAY_URL = "http://127.0.0.1:8080",
  SLIPWAY_USER: username = "",
  SLIPWAY_PASSWORD: password = "",
} = process.env;

const signIn = openSlipway({ url: SLIPWAY_URL }).client(AuthService);
const { accessToken, refreshToken } = await signIn.exchangeToken({
  grant: { case: "password", value: { username, password } },
});

const session = sessionTokens({
  accessToken,
  refreshToken,
  exchange: (next) => signIn.exchangeToken({ grant: { case: "refreshToken", value: { refreshToken: next } } }),
});
const slipway = openSlipway({ url: SLIPWAY_URL, token: session.token, renew: session.renew });
const { principal } = await slipway.client(AuthService).whoAmI({});
console.log(`signed in as ${principal?.id}`);
