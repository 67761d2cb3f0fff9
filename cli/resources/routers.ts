import { InvalidArgumentError } from "commander";

/** A router as --router gives it. */
export interface GivenRouter {
  name: string;
  ingressClass: string;
  domain: string;
  tlsSecret: string;
  clusterIssuer: string;
  isDefault: boolean;
  annotations: Record<string, string>;
}

const keys = ["name", "class", "domain", "tls-secret", "issuer", "default"];

/** Reads name=NAME,class=CLASS,domain=DOMAIN ...; may come several times. */
export function routers(text: string, earlier: readonly GivenRouter[] = []): readonly GivenRouter[] {
  const found = new Map(
    text.split(",").map((item): [string, string] => {
      const at = item.indexOf("=");
      return at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
    }),
  );
  const value = (key: string): string => found.get(key) ?? "";
  const unknown = [...found.keys()].find((key) => !keys.includes(key));
  if (unknown !== undefined || value("name") === "") {
    throw new InvalidArgumentError(
      "It must be name=NAME,class=INGRESS-CLASS,domain=DOMAIN, and may have tls-secret=NAME, issuer=NAME and default.",
    );
  }
  const router = {
    name: value("name"),
    ingressClass: value("class"),
    domain: value("domain"),
    tlsSecret: value("tls-secret"),
    clusterIssuer: value("issuer"),
    isDefault: found.has("default"),
    annotations: {},
  };
  return [...earlier, router];
}
