import type { Logger } from "pino";
import type { ProviderInfo, ProviderSettings } from "../../providers.js";
import { failureOf } from "./failure.js";
import { githubProvider } from "./github.js";
import type { Provider } from "./identity-provider.js";
import { oidcProvider } from "./oidc.js";

/** A provider of the configuration, whose failures are told as `failureOf` says, and logged. */
export function openProvider(
  settings: ProviderSettings,
  log: Logger,
  clock: () => Date,
): Provider & { readonly info: ProviderInfo } {
  const { id, kind, name, issuer } = settings;
  const provider = kind === "github" ? githubProvider(settings) : oidcProvider(settings, clock);
  const explain = (error: unknown): never => {
    const failure = failureOf(name, error);
    const { cause, message } = failure;
    const reason = cause instanceof Error ? cause.message : message;
    log.warn({ provider: id, reason }, "a sign-in failed at its identity provider");
    throw failure;
  };
  return {
    info: { id, kind, name, issuer },
    begin: (secrets, redirectUri) => provider.begin(secrets, redirectUri).catch(explain),
    finish: (secrets, answer) => provider.finish(secrets, answer).catch(explain),
  };
}
