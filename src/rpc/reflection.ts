import { createRegistry, type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { ServerReflection, type ServerReflectionRequest } from "../../gen/ts/grpc/reflection/v1/reflection_pb.js";
import {
  type ServerReflectionRequest as AlphaRequest,
  ServerReflection as AlphaServerReflection,
} from "../../gen/ts/grpc/reflection/v1alpha/reflection_pb.js";

type Question = ServerReflectionRequest["messageRequest"] | AlphaRequest["messageRequest"];

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/**
 * Serves grpc.reflection v1 and v1alpha, so that tools need no proto files:
 * these services, their own two, and every file that they are made of.
 */
export function registerReflection(
  router: ConnectRouter,
  services: readonly DescService[],
  interceptors: Interceptor[],
): void {
  const answer = answerer([...services, ServerReflection, AlphaServerReflection]);
  // Both versions have the same messages, by other names.
  async function* serve(requests: AsyncIterable<{ host: string; messageRequest: Question }>) {
    for await (const request of requests) {
      const { host, messageRequest } = request;
      yield { validHost: host, originalRequest: { host, messageRequest }, messageResponse: answer(messageRequest) };
    }
  }
  router.service(ServerReflection, { serverReflectionInfo: (requests) => serve(requests) as never }, { interceptors });
  router.service(
    AlphaServerReflection,
    { serverReflectionInfo: (requests) => serve(requests) as never },
    { interceptors },
  );
}

function answerer(services: readonly DescService[]): (question: Question) => Answer {
  const files = new Map(closure(services.map((service) => service.file)).map((file) => [file.proto.name, file]));
  const symbols = symbolsOf([...files.values()]);
  const extensions = [...createRegistry(...files.values())].filter((desc) => desc.kind === "extension");
  const extensionsOf = (typeName: string) => extensions.filter(({ extendee }) => extendee.typeName === typeName);
  return (question) => {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: services.map(({ typeName }) => ({ name: typeName })) },
        };
      case "fileByFilename":
        return fileAnswer(files.get(question.value));
      case "fileContainingSymbol":
        return fileAnswer(symbols.get(question.value.replace(/^\./, "")));
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        return fileAnswer(extensionsOf(containingType).find(({ number }) => number === extensionNumber)?.file);
      }
      case "allExtensionNumbersOfType": {
        if (!symbols.has(question.value)) return errorAnswer(Code.NotFound, "no such type");
        const extensionNumber = extensionsOf(question.value).map(({ number }) => number);
        return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber } };
      }
      default:
        return errorAnswer(Code.Unimplemented, "no such question is answered here");
    }
  };
}

/** Every name that a file defines, of types and of their members. */
function symbolsOf(files: readonly DescFile[]): Map<string, DescFile> {
  const symbols = new Map<string, DescFile>();
  for (const file of files) {
    for (const desc of nestedTypes(file)) {
      symbols.set(desc.typeName, file);
      if (desc.kind === "message") {
        for (const member of [...desc.fields, ...desc.oneofs]) symbols.set(`${desc.typeName}.${member.name}`, file);
      } else if (desc.kind === "service") {
        for (const method of desc.methods) symbols.set(`${desc.typeName}.${method.name}`, file);
      } else if (desc.kind === "enum") {
        // The values of an enum are its siblings, not its children.
        const scope = desc.typeName.slice(0, -desc.name.length);
        for (const value of desc.values) symbols.set(`${scope}${value.name}`, file);
      }
    }
  }
  return symbols;
}

function fileAnswer(file: DescFile | undefined): Answer {
  if (file === undefined) return errorAnswer(Code.NotFound, "no such file, symbol or extension");
  const fileDescriptorProto = closure([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** Files and everything that they import, each once. */
function closure(files: readonly DescFile[]): DescFile[] {
  const seen = new Set<DescFile>();
  const add = (file: DescFile) => {
    if (seen.has(file)) return;
    seen.add(file);
    file.dependencies.forEach(add);
  };
  files.forEach(add);
  return [...seen];
}
