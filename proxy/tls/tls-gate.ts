import type { Socket } from 'node:net';
import { MemberList } from '../conn/member-list.ts';
import type { PortView } from '../listen/port-handler.ts';
import type { WorkerContext } from '../worker/context.ts';
import { Handshake, type HandshakeFailure, type Passed, type Secured } from './handshake.ts';
import { TlsPort, type TlsEntry } from './tls-port.ts';

export interface GateOptions {
  /** What is offered by ALPN, in order of preference; absent: nothing. */
  readonly protocols?: readonly string[];
  /** Who names no host, and is served by no listener for every host, is taken to the first one. */
  readonly takesNameless: boolean;
}

/** Stands between the connections that a port accepts and their plain text. */
export class TlsGate {
  readonly #context: Pick<WorkerContext, 'clock' | 'deadlines' | 'traffic'>;
  readonly #options: GateOptions;
  readonly #handshakes = new MemberList<Handshake>();
  #port: TlsPort;
  #timeoutMs = 0;

  constructor(context: WorkerContext, view: PortView, options: GateOptions) {
    this.#context = context;
    this.#options = options;
    this.#port = new TlsPort(view);
    this.update(view);
  }

  update(view: PortView): void {
    this.#port = new TlsPort(view, this.#port);
    // Listeners that share a port agree on it.
    this.#timeoutMs = view.entries[0]?.listener.timeouts.tlsHandshakeMs ?? this.#timeoutMs;
  }

  /** Another one after each change. */
  get port(): TlsPort {
    return this.#port;
  }

  /** Handshakes under way. */
  get size(): number {
    return this.#handshakes.size;
  }

  /** The listener that a host belongs to now; undefined: none. */
  find(host: string | undefined): TlsEntry | undefined {
    const { takesNameless } = this.#options;
    return this.#port.find(host) ?? (host === undefined && takesNameless ? this.#port.first : undefined);
  }

  /** `done` is called once, perhaps at once; the connection of a failure is closed by then. */
  enter(socket: Socket, done: (outcome: Secured | Passed | HandshakeFailure) => void): void {
    const { clock, deadlines, traffic } = this.#context;
    const { protocols } = this.#options;
    const options = {
      find: (serverName: string | undefined) => this.find(serverName),
      ...(protocols === undefined ? {} : { protocols }),
      timeoutMs: this.#timeoutMs,
      deadlines,
      now: () => clock.wall(),
    };
    const handshake = new Handshake(socket, options, (outcome) => {
      this.#handshakes.delete(handshake);
      if (typeof outcome === 'string') traffic.handshakeFailed(outcome);
      else if (outcome.kind === 'secured') traffic.handshake(outcome.version, outcome.isResumed);
      done(outcome);
    });
    this.#handshakes.add(handshake);
    handshake.start();
  }

  abort(): void {
    for (const handshake of this.#handshakes.all()) handshake.abort();
  }
}
