import type { AnswerRequest, ResourceType } from "./extension.js";
import type { Fields, KubeObject } from "./types.js";

function reviewType(
  group: string,
  resource: string,
  kind: string,
  namespaced: boolean,
  status: (request: AnswerRequest) => Fields,
): ResourceType {
  return {
    group,
    version: "v1",
    resource,
    kind,
    namespaced,
    answer: (request) => ({
      apiVersion: `${group}/v1`,
      kind,
      metadata: { creationTimestamp: null } as unknown as KubeObject["metadata"],
      ...(request.body.spec === undefined ? {} : { spec: request.body.spec as Fields }),
      status: status(request),
    }),
  };
}

const allowed = () => ({ allowed: true, reason: "this server allows everything to those it lets in" });
const everything = {
  resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  incomplete: false,
};

/** The review APIs: whoever gets past the client certificate may do everything in that cluster. */
export const reviewTypes: readonly ResourceType[] = [
  reviewType("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false, allowed),
  reviewType("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview", false, allowed),
  reviewType("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", true, allowed),
  reviewType("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false, () => everything),
  reviewType("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false, ({ user }) => ({
    userInfo: { username: user.name, groups: [...user.groups, "system:authenticated"] },
  })),
];
