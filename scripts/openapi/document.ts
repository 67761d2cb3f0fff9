import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescFile, DescMethod, DescService, FileRegistry, JsonObject } from "@bufbuild/protobuf";
import { root } from "../run.js";
import { type Comments, commentsOf } from "./comments.js";
import { exampleOf } from "./examples.js";
import { type MethodOptions, methodOptions } from "./options.js";
import { Schemas } from "./schemas.js";

/** A document of OpenAPI 3.1, as far as the reference page reads it. */
export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly JsonObject[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: JsonObject & { readonly schemas: JsonObject };
}

/** A method of the API; `x-slipway-` tells what its options say. */
export interface Operation extends MethodOptions {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly deprecated?: true;
  /** Absent where the token of the document's `security` is needed. */
  readonly security?: readonly JsonObject[];
  readonly parameters: readonly JsonObject[];
  readonly requestBody: JsonObject;
  readonly responses: JsonObject;
}

const description = `Every method is a POST of JSON to \`/package.Service/Method\`, as the Connect protocol has it, and needs no library.
The JSON is that of Protobuf: names in lowerCamelCase, 64-bit integers as strings, bytes in base64, enums by name.
Fields that hold their default are left out of answers. The same methods are served over gRPC and gRPC-Web.

Schemas whose names end in \`.Input\` are those of messages that are sent: they have the rules that are checked.
What the words of JSON Schema cannot say stands in descriptions, and is checked all the same.`;

const streamNote =
  "This method streams: its messages are sent in envelopes of the Connect streaming protocol (application/connect+json), " +
  "or over gRPC and gRPC-Web; see https://connectrpc.com/docs/protocol.";

/** The document of the services of some files; the registry knows the options of their methods. */
export function openApiOf(registry: FileRegistry, files: readonly DescFile[]): OpenApi {
  const comments: Comments = new Map(files.flatMap((file) => [...commentsOf(file)]));
  const schemas = new Schemas(comments);
  const services = files
    .flatMap((file) => file.services)
    .map((service) => ({ service, operations: operationsOf(registry, service, comments, schemas) }))
    .filter(({ operations }) => operations.length > 0)
    .sort((a, b) => (a.service.typeName < b.service.typeName ? -1 : 1));
  return {
    openapi: "3.1.0",
    info: { title: "Slipway", version: packageVersion(), description },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    tags: services.map(({ service }) => ({
      name: service.typeName,
      description: comments.get(service.typeName) ?? "",
    })),
    paths: Object.fromEntries(services.flatMap(({ operations }) => operations)),
    components: { ...sharedComponents, schemas: { ...schemas.components(), ...errorSchemas } },
  };
}

const sharedComponents: JsonObject = {
  securitySchemes: {
    bearer: { type: "http", scheme: "bearer", description: "A token of the platform, made by its TokenService." },
  },
  parameters: {
    timeout: {
      name: "Connect-Timeout-Ms",
      in: "header",
      description: "How many milliseconds the caller waits; the call ends with deadline_exceeded after that.",
      schema: { type: "integer", minimum: 1, maximum: 9_999_999_999 },
    },
  },
  responses: {
    error: {
      description: "The call failed; the code of the error says how.",
      content: { "application/json": { schema: { $ref: "#/components/schemas/connect.Error" } } },
    },
  },
};

function packageVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return version;
}

function operationsOf(registry: FileRegistry, service: DescService, comments: Comments, schemas: Schemas) {
  return service.methods.flatMap((method): [string, { post: Operation }][] => {
    const options = methodOptions(registry, method);
    if (options["x-slipway-visibility"] === "private") return [];
    const comment = comments.get(`${service.typeName}.${method.name}`) ?? "";
    return [[`/${service.typeName}/${method.name}`, { post: operationOf(method, options, comment, schemas) }]];
  });
}

function operationOf(method: DescMethod, options: MethodOptions, comment: string, schemas: Schemas): Operation {
  const isStream = method.methodKind !== "unary";
  const request = schemas.message(method.input, "input");
  const answer = schemas.message(method.output, "output");
  const content = (schema: JsonObject, example: JsonObject): JsonObject =>
    isStream
      ? { "application/connect+json": { "x-slipway-message": schema, example } }
      : { "application/json": { schema, example } };
  return {
    operationId: `${method.parent.typeName}.${method.name}`,
    tags: [method.parent.typeName],
    summary: /^.*?[.:](?=\s|$)/s.exec(comment)?.[0].slice(0, -1) ?? method.name,
    description: isStream ? `${comment}\n\n${streamNote}` : comment,
    ...(method.deprecated ? { deprecated: true } : {}),
    ...options,
    ...(options["x-slipway-visibility"] === "public" ? { security: [] } : {}),
    parameters: [{ $ref: "#/components/parameters/timeout" }],
    requestBody: { required: true, content: content(request, exampleOf(method.input, "input")) },
    responses: {
      "200": {
        description: isStream ? "The messages of the stream." : "The answer.",
        content: content(answer, exampleOf(method.output, "output")),
      },
      default: { $ref: "#/components/responses/error" },
    },
  };
}

/** Codes of errors of Connect, with the HTTP status of each. */
const codes: Readonly<Record<string, number>> = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

const errorSchemas: JsonObject = {
  "connect.Error": {
    description: "Why a call failed.",
    type: "object",
    properties: {
      code: {
        description: `What kind of failure it is, and its HTTP status:\n\n${Object.entries(codes)
          .map(([code, status]) => `- \`${code}\`: ${status}`)
          .join("\n")}`,
        type: "string",
        enum: Object.keys(codes),
      },
      message: { description: "What is wrong and what to change, in words for people.", type: "string" },
      details: {
        description: "What programs may read of it.",
        type: "array",
        items: { $ref: "#/components/schemas/connect.ErrorDetail" },
      },
    },
    required: ["code"],
  },
  "connect.ErrorDetail": {
    description: "A detail of an error for programs.",
    type: "object",
    properties: {
      type: { description: "Name of its message: `google.rpc.BadRequest`, for one.", type: "string" },
      value: {
        description: "The message in binary, in base64 without padding.",
        type: "string",
        contentEncoding: "base64",
      },
      debug: { description: "The message in JSON, for people.", type: "object" },
    },
    required: ["type", "value"],
  },
};
