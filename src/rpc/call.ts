import type { Message } from "@bufbuild/protobuf";
import {
  type ContextValues,
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import { type MethodPolicy, policyOf } from "./method-options.js";
import type { Peer } from "./peer.js";
import type { Trace } from "./trace.js";

/** What a request is about: the project and the tenant that it names, if any, and what it names inside the project. */
export interface Subject {
  readonly project?: string | undefined;
  readonly tenant?: string | undefined;
  readonly environment?: string | undefined;
  readonly deployment?: string | undefined;
}

/** What the HTTP layer knows of a request before any protocol is spoken. */
export interface Origin {
  readonly trace: Trace;
  readonly peer: Peer;
}

/** What the interceptors know of one call; later ones add to it. */
export interface Call extends Origin {
  readonly policy: MethodPolicy;
  /** The request, or the only request of a server stream, once it is decoded. */
  request: Message | undefined;
  /** What the request is about. */
  subject: Subject;
  /** Whether the call passed every check, so that its request was audited and its handler ran. */
  accepted: boolean;
  /** Whether the call is audited, if its method is: most calls of a flood are not, or it would fill the records. */
  recorded: boolean;
}

/** Where the HTTP layer leaves the origin of a call. */
export const originKey = createContextKey<Origin | undefined>(undefined, { description: "origin of the call" });

const callKey = createContextKey<Call | undefined>(undefined, { description: "call" });

const longestName = 128;

type AnyRequest = UnaryRequest | StreamRequest;

/** The outermost interceptor: opens the record that all others share. */
export const openCall: Interceptor = (next) => (req) => {
  const origin = req.contextValues.get(originKey);
  if (origin === undefined) throw new Error("the transport did not say where the call comes from");
  const call: Call = {
    trace: origin.trace,
    peer: origin.peer,
    policy: policyOf(req.method),
    request: undefined,
    subject: {},
    accepted: false,
    recorded: true,
  };
  req.contextValues.set(callKey, call);
  if (!req.stream) setRequest(call, req.message);
  return next(req);
};

/** The record of a call. */
export function callOf(req: AnyRequest): Call {
  const call = req.contextValues.get(callKey);
  if (call === undefined) throw new Error("openCall must be the outermost interceptor");
  return call;
}

/** Whether a call reached the interceptors; one that could not be decoded did not. */
export function wasOpened(values: ContextValues): boolean {
  return values.get(callKey) !== undefined;
}

/** Remembers the decoded request and what it is about. */
export function setRequest(call: Call, request: Message): void {
  call.request = request;
  call.subject = subjectIn(call.policy, request);
}

/** What a request names. */
export function subjectIn(policy: MethodPolicy, request: Message): Subject {
  return {
    project: text(request, policy.projectField?.localName),
    tenant: text(request, policy.tenantField?.localName),
    environment: text(request, policy.environmentField?.localName),
    deployment: text(request, policy.deploymentField?.localName),
  };
}

/** A name that a request gives, short enough for logs and records: it may come from anybody and be of any length. */
export function shortened(name: string | undefined): string | undefined {
  return name === undefined || name.length <= longestName ? name : `${name.slice(0, longestName)}…`;
}

function text(message: Message, localName: string | undefined): string | undefined {
  if (localName === undefined) return undefined;
  const value = (message as Message & Record<string, unknown>)[localName];
  return typeof value === "string" && value !== "" ? value : undefined;
}
