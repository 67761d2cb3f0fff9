import { type Browser, newBrowser } from "../../sign-in/support/browser.js";

/** What an answer of the sessions' endpoints says. */
export interface SessionAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON; empty without one. */
  readonly body: { readonly accessToken: string; readonly expiresAt: string; readonly sessionExpiresAt: string } & {
    readonly code?: string;
    readonly message?: string;
  };
}

/** A page of the console in a browser. */
export interface ConsolePage {
  readonly browser: Browser;
  /** A POST as the console makes it. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<SessionAnswer>;
  password(username: string, password: string): Promise<SessionAnswer>;
  refresh(): Promise<SessionAnswer>;
  logout(): Promise<SessionAnswer>;
}

/** Opens a page of the console of that server, in a browser of its own unless one is given. */
export function openPage(url: string, browser = newBrowser()): ConsolePage {
  const page: ConsolePage = {
    browser,
    async post(path, body, headers = {}) {
      const own = { "x-slipway-console": "1", origin: url, "sec-fetch-site": "same-origin" };
      const type = body === undefined ? {} : { "content-type": "application/json" };
      const answer = await browser.get(`${url}${path}`, {
        method: "POST",
        headers: { ...own, ...type, ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, body: text === "" ? {} : JSON.parse(text) };
    },
    password: (username, password) => page.post("/auth/session/password", { username, password }),
    refresh: () => page.post("/auth/session/refresh"),
    logout: () => page.post("/auth/session/logout"),
  };
  return page;
}
