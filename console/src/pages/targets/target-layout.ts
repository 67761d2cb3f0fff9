import type { FieldLayout } from "../../kit/form/layout.js";

/** Routers of a target; of a create in `routers`, of a change in `routers.routers`. */
export function routersLayout(field: string): FieldLayout {
  return {
    field,
    label: "Routers",
    item: "router",
    hint: "Where hostnames of deployments come in; without one nobody outside of the cluster reaches them.",
    fields: [
      { field: "name", placeholder: "public" },
      { field: "ingress_class", placeholder: "nginx", hint: "Class of the Ingresses" },
      { field: "domain", placeholder: "apps.example.com", hint: "Below it deployments get a hostname of their own" },
      { field: "is_default", label: "Default", hint: "For hostnames that name no router" },
      { field: "tls_secret", label: "TLS secret", hint: "Secret with the certificate for the domain" },
      { field: "cluster_issuer", hint: "cert-manager ClusterIssuer for certificates" },
    ],
    newItem: (present) => ({ name: present === 0 ? "public" : "", ingress_class: "nginx", is_default: present === 0 }),
  };
}
