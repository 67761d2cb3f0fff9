/** A browser: it keeps cookies by host and port, and goes where it is sent. */
export interface Browser {
  /** One request; redirects are answers like others. */
  get(url: string, init?: RequestInit): Promise<Response>;
  /** Follows redirects until one leads to a URL that begins like that, and answers that URL; fails on any other answer. */
  follow(url: string, until: string): Promise<URL>;
  /** The names of the cookies that it would send there. */
  cookies(url: string): string[];
  /** Forgets all cookies. */
  clear(): void;
}

const mostRedirects = 12;

/** A browser without cookies. */
export function newBrowser(): Browser {
  const jar = new Map<string, Map<string, string>>();

  async function get(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const cookies = jar.get(host) ?? new Map<string, string>();
    jar.set(host, cookies);
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string>), ...(cookie === "" ? {} : { cookie }) };
    const answer = await fetch(url, { ...init, redirect: "manual", headers });
    for (const line of answer.headers.getSetCookie()) keep(cookies, line);
    return answer;
  }

  return {
    get,
    async follow(url, until) {
      let at = url;
      for (let steps = 0; steps < mostRedirects; steps += 1) {
        const answer = await get(at);
        const to = answer.headers.get("location");
        if (to === null) throw new Error(`${answer.status} at ${new URL(at).pathname}: ${await answer.text()}`);
        at = new URL(to, at).href;
        if (at.startsWith(until)) return new URL(at);
      }
      throw new Error(`no end after ${mostRedirects} redirects`);
    },
    cookies: (url) => [...(jar.get(new URL(url).host)?.keys() ?? [])],
    clear: () => jar.clear(),
  };
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ""] = line.split(";");
  const at = pair.indexOf("=");
  const isOver = /expires=Thu, 01 Jan 1970|max-age=0/i.test(line);
  if (isOver) cookies.delete(pair.slice(0, at));
  else cookies.set(pair.slice(0, at), pair.slice(at + 1));
}
