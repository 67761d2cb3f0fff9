import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type Message,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createMethodImplSpec,
  createServiceImplSpec,
  type Interceptor,
  type MethodImplSpec,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import {
  createMethodSerializationLookup,
  createMethodUrl,
  limitSerialization,
  type MethodSerializationLookup,
} from "@connectrpc/connect/protocol";
import { encoderOf } from "../../wire/encoder.js";
import { handlerContextOf, type InContext } from "./context.js";

/** A method whose request and answer are one message each. */
export interface UnaryStraight {
  readonly kind: "unary";
  readonly method: DescMethodUnary;
  readonly serialization: Serializing;
  /** Passes the interceptors and then the handler; rejects with what either throws. */
  readonly invoke: (request: UnaryRequest & InContext) => Promise<UnaryResponse>;
}

/** A method that answers one message with a stream. */
export interface StreamStraight {
  readonly kind: "server_streaming";
  readonly method: DescMethodServerStreaming;
  readonly serialization: Serializing;
  readonly invoke: (request: StreamRequest & InContext) => Promise<StreamResponse>;
}

export type StraightMethod = UnaryStraight | StreamStraight;

/** By path, as in "/api.v1.ClusterService/Get". */
export type StraightMethods = ReadonlyMap<string, StraightMethod>;

export interface StraightOptions {
  /** What each call passes unless its service is registered with others; the outermost first. */
  readonly interceptors: Interceptor[];
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
}

type Serializing = MethodSerializationLookup<DescMessage, DescMessage>;
type AnyFn = ReturnType<Interceptor>;
type AnyRequest = Parameters<AnyFn>[0];
type ServiceOptions = Parameters<ConnectRouter["service"]>[2];

/**
 * A router that registers everything with another one, and beside it keeps what it takes to run those methods
 * without that one. Unlike there the interceptors are put together once for each method, not for each call.
 */
export function recordMethods(
  router: ConnectRouter,
  options: StraightOptions,
): { readonly recording: ConnectRouter; readonly methods: StraightMethods } {
  const methods = new Map<string, StraightMethod>();
  const record = (spec: MethodImplSpec, own: ServiceOptions): void => {
    const { interceptors = options.interceptors, ...others } = own ?? {};
    const method = Object.keys(others).length > 0 ? undefined : straightMethod(spec, { ...options, interceptors });
    if (method !== undefined) methods.set(createMethodUrl("/", spec.method), method);
  };
  const recording: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, own) {
      router.service(service, implementation, own);
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) record(spec, own);
      return recording;
    },
    rpc(method, implementation, own) {
      router.rpc(method, implementation, own);
      record(createMethodImplSpec(method, implementation), own);
      return recording;
    },
  };
  return { recording, methods };
}

function straightMethod(spec: MethodImplSpec, options: StraightOptions): StraightMethod | undefined {
  const serialization = serializationOf(spec.method, options);
  switch (spec.kind) {
    case "unary":
      return { kind: spec.kind, method: spec.method, serialization, invoke: unaryOf(spec, options.interceptors) };
    case "server_streaming":
      return { kind: spec.kind, method: spec.method, serialization, invoke: streamOf(spec, options.interceptors) };
    default:
      return undefined;
  }
}

/** The library's own, but for the binary format of answers. */
function serializationOf(method: DescMethod, options: StraightOptions): Serializing {
  const library: Serializing = createMethodSerializationLookup(method, undefined, undefined, options);
  const encode = encoderOf(method.output);
  const { parse } = library.getO(true);
  const serialize = (message: Message): Uint8Array<ArrayBuffer> => {
    try {
      return encode(message);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      throw new ConnectError(`serialize binary: ${words}`, Code.Internal);
    }
  };
  const binary = limitSerialization({ parse, serialize }, options);
  return { getI: (isBinary) => library.getI(isBinary), getO: (isBinary) => (isBinary ? binary : library.getO(false)) };
}

function unaryOf(
  spec: MethodImplSpec & { kind: "unary" },
  interceptors: readonly Interceptor[],
): UnaryStraight["invoke"] {
  const { method, impl } = spec;
  const run = async (req: AnyRequest): Promise<UnaryResponse> => {
    const context = handlerContextOf(req);
    const { responseHeader: header, responseTrailer: trailer } = context;
    const message = create(method.output, await impl(req.message as Message, context));
    return { stream: false, service: method.parent, method, message, header, trailer };
  };
  return through(interceptors, run) as UnaryStraight["invoke"];
}

function streamOf(
  spec: MethodImplSpec & { kind: "server_streaming" },
  interceptors: readonly Interceptor[],
): StreamStraight["invoke"] {
  const { method, impl } = spec;
  const run = async (req: AnyRequest): Promise<StreamResponse> => {
    const context = handlerContextOf(req);
    const { responseHeader: header, responseTrailer: trailer } = context;
    const message = impl(await onlyOne(req.message as AsyncIterable<Message>), context) as AsyncIterable<Message>;
    return { stream: true, service: method.parent, method, message, header, trailer };
  };
  return through(interceptors, run) as StreamStraight["invoke"];
}

function through(interceptors: readonly Interceptor[], innermost: AnyFn): AnyFn {
  return interceptors.reduceRight((next, interceptor) => interceptor(next), innermost);
}

/** The message of a stream of one. */
async function onlyOne(messages: AsyncIterable<Message>): Promise<Message> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) throw wrongNumber("missing input message");
  if ((await iterator.next()).done !== true) throw wrongNumber("received extra input message");
  return first.value;
}

const wrongNumber = (what: string) =>
  new ConnectError(`protocol error: ${what} for server-streaming method`, Code.Unimplemented);
