import { type DescMethod, type FileRegistry, getOption } from "@bufbuild/protobuf";

/** What the options of a method say, under names that OpenAPI leaves to us. */
export interface MethodOptions {
  /** Each role that may call it, as in "project:owner"; absent where no role is needed. */
  readonly "x-slipway-roles"?: readonly string[];
  /** "public" needs no token, "self" a token of any kind, "private" is for nobody outside; absent where roles decide. */
  readonly "x-slipway-visibility"?: string;
  /** Whether its calls may cost money. */
  readonly "x-slipway-chargeable"?: true;
  /** Which way it streams; absent where one request has one answer. */
  readonly "x-slipway-stream"?: "client" | "server" | "both";
}

const streams = { client_streaming: "client", server_streaming: "server", bidi_streaming: "both" } as const;

/**
 * Reads the options of a method. They are looked up in what is being generated from:
 * the generated code is not there while it is made.
 */
export function methodOptions(registry: FileRegistry, method: DescMethod): MethodOptions {
  const roles = ["tenant", "project", "admin"].flatMap((scope) =>
    optionValues(registry, method, `${scope}_roles`).map((name) => `${scope}:${name.replace(`${scope}_role_`, "")}`),
  );
  const [visibility] = optionValues(registry, method, "visibility");
  const who = visibility?.replace("visibility_", "");
  const isChargeable = optionValues(registry, method, "chargeable").includes("chargeable_true");
  return {
    ...(roles.length > 0 ? { "x-slipway-roles": roles } : {}),
    ...(who !== undefined && who !== "unspecified" ? { "x-slipway-visibility": who } : {}),
    ...(isChargeable ? { "x-slipway-chargeable": true } : {}),
    ...(method.methodKind === "unary" ? {} : { "x-slipway-stream": streams[method.methodKind] }),
  };
}

/** The values of an option of api.v1 by name, in small letters. */
export function optionValues(registry: FileRegistry, method: DescMethod, option: string): string[] {
  const extension = registry.getExtension(`api.v1.${option}`);
  if (extension?.enum === undefined) throw new Error(`api.v1.${option} is no option of the contract`);
  const value: unknown = getOption(method, extension);
  const numbers = Array.isArray(value) ? value : [value];
  return extension.enum.values.filter(({ number }) => numbers.includes(number)).map(({ name }) => name.toLowerCase());
}
