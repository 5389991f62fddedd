import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ToControllerSchema, ToProxySchema, type ToController, type ToProxy } from './control_pb.ts';

/** The one method of the control stream, as gRPC names it. */
export const CONTROL_METHOD = '/evenkeel.control.v1.ControlStream/Connect';

/** The DNS name in every controller's certificate; proxies connect to addresses and expect this name. */
export const CONTROLLER_NAME = 'evenkeel-controller';

/** The audience of the tokens that proxies show. */
export const TOKEN_AUDIENCE = 'evenkeel-controller';

/** No message is larger: 20,000 endpoints take about 5 MiB. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

export type ToControllerBody = Exclude<ToController['body'], { case: undefined }>;
export type ToProxyBody = Exclude<ToProxy['body'], { case: undefined }>;

type Init<Schema extends typeof ToControllerSchema | typeof ToProxySchema> = NonNullable<
  Exclude<Parameters<typeof create<Schema>>[1], undefined>
>;

export function encodeToController(body: Init<typeof ToControllerSchema>['body']): Buffer {
  return asBuffer(toBinary(ToControllerSchema, create(ToControllerSchema, { body: body! })));
}

export function encodeToProxy(body: Init<typeof ToProxySchema>['body']): Buffer {
  return asBuffer(toBinary(ToProxySchema, create(ToProxySchema, { body: body! })));
}

/** Undefined for a message that this version does not know. */
export function decodeToController(bytes: Uint8Array): ToControllerBody | undefined {
  const { body } = fromBinary(ToControllerSchema, bytes);
  return body.case === undefined ? undefined : body;
}

/** Undefined for a message that this version does not know. */
export function decodeToProxy(bytes: Uint8Array): ToProxyBody | undefined {
  const { body } = fromBinary(ToProxySchema, bytes);
  return body.case === undefined ? undefined : body;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
