// Who calls in benches that open a platform themselves.
import type { Platform } from "../src/platform.js";
import { issueToken } from "../src/resources/api/token/issue.js";

/** A kubeconfig for platforms that order nothing: what it names is not there. */
export const nowhereKubeconfig = `
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{ name: nowhere, cluster: { server: "http://127.0.0.1:9" } }]
users: [{ name: nowhere, user: {} }]
contexts: [{ name: nowhere, context: { cluster: nowhere, user: nowhere } }]
`;

/** A token with which its user owns all that the user's tenant has. */
export async function issueOwnerToken({ db, tokens, clock, newId }: Platform, user: string): Promise<string> {
  const all = { "*": "owner" } as const;
  const { secret } = await issueToken(db, tokens, {
    id: newId(),
    owner: user,
    type: "api",
    description: "bench",
    permissions: {},
    projectRoles: all,
    tenantRoles: all,
    adminRole: null,
    now: clock(),
    seconds: 3_600,
  });
  return secret;
}
