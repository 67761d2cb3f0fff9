const since = "2025-01-01T00:00:00Z";
const from = (unitAmount: string) => [{ validFrom: since, unitAmount }];

/** What `slipway dev` asks for when no billing file is given: amounts in cents. As in the billing file, in texts. */
export const defaultBilling = {
  currency: "eur",
  seller: {
    name: "Demo Cloud",
    email: "billing@example.com",
    vat: "DE123456789",
    address: { line1: "Example Street 1", postalCode: "80331", city: "Munich", country: "DE" },
    footer: ["This is a demonstration: nothing has to be paid."],
  },
  vat: { rates: { DE: "19", AT: "20", CH: "8.1" }, other: "0", reverseCharge: ["AT"] },
  products: {
    kubernetes: { name: "Kubernetes control plane", meter: "control_plane", prices: from("8") },
    "n1-medium-x86": { name: "n1-medium-x86", meter: "worker", variant: "n1-medium-x86", prices: from("34.5") },
    "c1-medium-x86": { name: "c1-medium-x86", meter: "worker", variant: "c1-medium-x86", prices: from("61.2") },
    "c1-large-x86": { name: "c1-large-x86", meter: "worker", variant: "c1-large-x86", prices: from("124") },
    machine: { name: "Other machines", meter: "worker", prices: from("40") },
    volume: { name: "Volumes", meter: "volume", prices: from("0.0137") },
    snapshot: { name: "Snapshots", meter: "snapshot", prices: from("0.0068") },
    "ephemeral-address": { name: "Ephemeral addresses", meter: "address", variant: "ephemeral", prices: from("0.3") },
    "static-address": { name: "Static addresses", meter: "address", variant: "static", prices: from("0.5") },
  },
};
