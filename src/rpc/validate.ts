import { create, type DescMessage, type DescService, type Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { ValidationError, type Validator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { DomainError, type FieldViolation } from "../errors.js";
import { callOf } from "./call.js";
import { unstorable } from "./storable.js";

/** More would not fit into the trailers of a call, and helps nobody. */
const mostViolations = 20;

/** Refuses requests that break the rules of their proto; of streams, each request when it is read. */
export function validateBy(validator: Validator): Interceptor {
  return (next) => (req) => {
    const { request } = callOf(req);
    if (request !== undefined) demandValid(validator, req.method.input, request);
    if (!req.stream || req.method.methodKind === "server_streaming") return next(req);
    return next({ ...req, message: checkEach(validator, req.method.input, req.message) });
  };
}

/** Prepares the rules of every request, so that no caller waits for it. */
export function warmValidator(validator: Validator, services: readonly DescService[]): void {
  const inputs = new Set(services.flatMap((service) => service.methods.map((method) => method.input)));
  for (const input of inputs) validator.validate(input, create(input));
}

async function* checkEach(validator: Validator, desc: DescMessage, requests: AsyncIterable<Message>) {
  for await (const request of requests) {
    demandValid(validator, desc, request);
    yield request;
  }
}

/** Throws "invalid", with every rule of its proto that a message breaks. */
export function demandValid(validator: Validator, desc: DescMessage, request: Message): void {
  const result = validator.validate(desc, request);
  // Rules that cannot be evaluated are a defect of the contract, not of the request.
  if (result.kind === "error") throw result.error;
  if (result.kind === "valid") {
    const violations = unstorable(desc, request, mostViolations);
    if (violations.length > 0) throw new DomainError("invalid", summaryOf(violations, 0), { violations });
    return;
  }
  const told = result.violations.slice(0, mostViolations);
  const violations = told.map(({ field, message }) => ({ field: pathToString(field), message }));
  const summary = summaryOf(violations, result.violations.length - told.length);
  throw new DomainError("invalid", summary, { violations, cause: new ValidationError(told) });
}

function summaryOf(violations: readonly FieldViolation[], more: number): string {
  const texts = violations.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  return [...texts, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
