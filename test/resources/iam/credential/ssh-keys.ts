import { generateKeyPairSync } from "node:crypto";

/** SSH public keys as ssh-keygen writes them. */
export const ed25519 =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJw0mbvfWW/lFkGFiitmCkO5262b7f8Z4p1hHq9Q2wwZ ada@example.org";
export const rsa =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQClyjX+FeIFiIWGNIQjrRlMwvW/+d2USQ5HROZ/OfPoc7HzJALYh+NeZWp/CoD4OOudt4OhHkjHCxpYqn0w3DER60W2RlNAV02Kc12oym/1ln+VMB0LXSp9uohDy+jdt1bh1VCIz3kzCEvamPckzADAU5rf1lvkjEGkm5wsG0ekjzJDlSNOrogZbmuoZ8ZoS03tkCqh2wUSKq+tVZQdOtdYeWWvbYXtEuvMZIZEMXzxtp5t9oLrOV+qjGbzYEu6RrhVsbazGM2qbXPyOoPTNhQfmnA4mXzvhjhObmHuD/nwyB+UW/SqA8rAQyoZPv5bAMJ0iQbRyLSNXk8rhctD7tI3 rsa key";
export const ecdsa =
  "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBMdqmR6ABlnMg3Msu+8s/n0tIWI4sV8kaf87bnjdNPnf4yV83L7j7LsswRwK66bMxfzWF0dFB/vA9YV1wk6H1tzjud9Dgn5C6u7nKyOOFTflrTO9wwRD2y7ipPAoZBx7KA==";

/** Keys that are too weak. */
export const weakRsa =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC2E4iyoFavN/SsciYrpT++HSr/2jjTy4guRSMcfUZ7n8ErHuBCDqgGkfcmPLTHyuj3fO6bARzyNef1fagu2A/Lu+aCaaxnVnLcxLx6kfKlGRoGFt7jUPQp4PYEqYevsOME/MNRWtilWpqgRNjIRaxDhP4qc0CWluniQ9R+H/qDBw== weak";
export const dss =
  "ssh-dss AAAAB3NzaC1kc3MAAACBAP4ERza6pJ5PjHQTQJgZwhZHA72ma+JAYzpgsqcDEHGD6vyDlaG5D3+EeUY9TJWFMIjMMpZYpMECCA1XAnefYKakdp8S3LtgnZDLw/QUgdTTgqS9ORz8ErQjlOCv9hcZH7F+aqDaCVS31n+yvLSqmLtZO04+LGSajoE3uoSQrcTPAAAAFQDIAXmJjiGInoNWxSGtmQwFMaJbAQAAAIEA1ijBFoehTj/n8H2f4FnyEdE1+lF+nkRM9Ir8Ynm7o34gf2qC1XRp9++aeC8CmpybTyOsWEqC3NG/qWZPTTmWBATpHqHPa4GnsQMNT7mSu6CqbqSos6WndvFsWJBX5cMETlvOtIlTP8uLzjiYFBWPsM0yUg/Lpi9IAo1imgmUJYUAAACBANV6vnM9WiXJkfvyCk4oRNy1EBxPBrN+Ajs3iE39Y3SR3Nex8lg6QggbNqOnIPGaXUBNUFzj0vxNxxCSJWjzTu2VMbUYuDQChEuj7CiRySnNCgueLZJHdydeq6mxQ78Q9+125bBSxwcTUy35SrOyDDcJPQzXV5NTnrQv9CxmoZET";

/** A key that nobody has. */
export function newSshKey(comment = "for a test"): string {
  const { publicKey } = generateKeyPairSync("ed25519");
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const blob = Buffer.concat([part(Buffer.from("ssh-ed25519")), part(point)]);
  return `ssh-ed25519 ${blob.toString("base64")} ${comment}`;
}
