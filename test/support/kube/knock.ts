import { Client, Metadata, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { CONTROL_METHOD, CONTROLLER_NAME, decodeToProxy, encodeToController } from '../../../api/control.ts';

/** Who calls at a controller's door, and with what in hand. */
export interface Caller {
  readonly name: string;
  readonly token: string;
  readonly credentials: ChannelCredentials;
}

/** Opens one control stream and says hello: `welcome`, or the name of the status that it is refused with. */
export async function knock(grpcPort: number, { name, token, credentials }: Caller): Promise<string> {
  const client = new Client(`127.0.0.1:${grpcPort}`, credentials, {
    'grpc.ssl_target_name_override': CONTROLLER_NAME,
    'grpc.default_authority': CONTROLLER_NAME,
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const stream = client.makeBidiStreamRequest(
    CONTROL_METHOD,
    (message: Buffer) => message,
    decodeToProxy,
    metadata,
    { deadline: Date.now() + 20_000 },
  );
  try {
    return await new Promise((resolve) => {
      stream.on('data', (body: { case: string } | undefined) => resolve(body?.case ?? 'unknown'));
      stream.on('error', ({ code }: ServiceError) => resolve(status[code]));
      stream.write(encodeToController({ case: 'hello', value: { proxy: name } }));
    });
  } finally {
    stream.cancel();
    client.close();
  }
}
