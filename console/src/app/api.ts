import { Code } from "@connectrpc/connect";
import { QueryClient } from "@tanstack/react-query";
import { openSlipway } from "../../../clients/ts/src/browser.js";
import { problemOf } from "../../../clients/ts/src/problem.js";
import { reach, reachInterceptor } from "./reach.js";
import { session } from "./session.js";

/** The client of the API: calls carry the token of the session. */
export const slipway = openSlipway({
  url: location.origin,
  token: session.token,
  renew: session.renew,
  interceptors: [reachInterceptor],
});

/** What the pages have read; a query that cannot reach the server is asked again until it can. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: 10_000,
      // Something behind the server may be away for long: that is told, and the page goes on.
      retry: (count, error) => problemOf(error).code === Code.Unavailable && (reach.away() || count < 3),
      retryDelay: (count, error) => problemOf(error).retryAfterMs ?? Math.min(1_000 * 2 ** count, 10_000),
    },
    mutations: { networkMode: "always", retry: false },
  },
});

reach.onReturn(() => void queryClient.invalidateQueries());
