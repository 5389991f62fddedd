import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientDuplexStream,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import {
  CONTROL_METHOD,
  CONTROLLER_NAME,
  decodeToProxy,
  MAX_MESSAGE_BYTES,
  type ToProxyBody,
} from '../../api/control.ts';
import { backoff } from '../../lib/backoff.ts';
import type { Clock, Rng } from '../../lib/clock.ts';

export interface LinkOptions {
  /** `host:port` of one controller. */
  readonly address: string;
  readonly credentials?: ChannelCredentials;
  /** Sent with the call: who we are. Asked anew for each connection. */
  readonly metadata?: () => Promise<Metadata>;
  /** The first message, encoded. */
  readonly hello: () => Buffer;
  readonly onOpen: (link: ControllerLink) => void;
  /** The stream that was open is not any more. */
  readonly onLost: () => void;
  readonly onMessage: (body: ToProxyBody) => void;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const BACKOFF = { initialMs: 100, maxMs: 5_000 };
/** A stream that lasted this long was not a failure: the next begins at once. */
const LASTED_MS = 10_000;

/** The stream to one controller, kept up until it is closed. */
export class ControllerLink {
  readonly #options: LinkOptions;
  readonly #client: Client;
  readonly #retry;
  #stream: ClientDuplexStream<Buffer, ToProxyBody | undefined> | undefined;
  #cancelRetry: (() => void) | undefined;
  #open = false;
  /** Why it could not be reached, as logged last. */
  #lastFailure = '';
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#retry = backoff(BACKOFF, options.rng);
    this.#client = new Client(options.address, options.credentials ?? credentials.createInsecure(), {
      'grpc.ssl_target_name_override': CONTROLLER_NAME,
      'grpc.default_authority': CONTROLLER_NAME,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.initial_reconnect_backoff_ms': BACKOFF.initialMs,
      'grpc.min_reconnect_backoff_ms': BACKOFF.initialMs,
      'grpc.max_reconnect_backoff_ms': BACKOFF.maxMs,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
    void this.#connect();
  }

  get address(): string {
    return this.#options.address;
  }

  /** The controller has greeted us on the present stream. */
  get open(): boolean {
    return this.#open;
  }

  /** What is sent while there is no stream is lost: the hello of the next one says what counts then. */
  send(message: Buffer): void {
    this.#stream?.write(message);
  }

  close(): void {
    this.#closed = true;
    this.#open = false;
    this.#cancelRetry?.();
    this.#stream?.cancel();
    this.#client.close();
  }

  async #connect(): Promise<void> {
    const { metadata, hello, clock, log } = this.#options;
    const startedAt = clock.now();
    let why = 'ended';
    try {
      const head = (await metadata?.()) ?? new Metadata();
      if (this.#closed) return;
      const stream = this.#client.makeBidiStreamRequest<Buffer, ToProxyBody | undefined>(
        CONTROL_METHOD,
        (message) => message,
        decodeToProxy,
        head,
      );
      stream.write(hello());
      this.#stream = stream;
      await new Promise<void>((resolve) => {
        stream.on('data', (body: ToProxyBody | undefined) => this.#receive(body));
        stream.on('error', (error) => {
          why = error.message;
          resolve();
        });
        stream.on('end', resolve);
      });
      stream.cancel();
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    const wasOpen = this.#open;
    this.#open = false;
    this.#stream = undefined;
    if (this.#closed) return;
    if (wasOpen) {
      log.info({ controller: this.address, why }, 'controller disconnected');
      this.#options.onLost();
    } else if (why !== this.#lastFailure)
      log.warn({ controller: this.address, why }, 'cannot reach a controller');
    this.#lastFailure = wasOpen ? '' : why;
    if (clock.now() - startedAt >= LASTED_MS) this.#retry.reset();
    this.#cancelRetry = clock.after(this.#retry.next(), () => void this.#connect());
  }

  #receive(body: ToProxyBody | undefined): void {
    if (body === undefined || this.#closed) return; // a newer version's message
    if (body.case === 'welcome') {
      this.#open = true;
      this.#options.log.info(
        { controller: this.address, name: body.value.controller },
        'controller connected',
      );
      this.#options.onOpen(this);
    }
    this.#options.onMessage(body);
  }
}
