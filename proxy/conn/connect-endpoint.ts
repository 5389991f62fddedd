import { connect, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ClientContext } from '../tls/client-context.ts';
import { type ReadOptions, readAs } from './shared-read.ts';

/** Where a connection goes to. */
export interface ConnectTarget {
  readonly address: string;
  readonly port: number;
  /** Absent: in clear. */
  readonly tls?: ClientContext | undefined;
}

export interface ConnectOptions {
  /** Says whose connection this is, before anything else, TLS included. */
  readonly introduction?: Buffer | undefined;
  readonly onread?: ReadOptions;
  /** What is offered by ALPN, where there is TLS. */
  readonly protocols: readonly string[];
  readonly allowHalfOpen?: boolean;
  /** From the last sign of life to a probe of the kernel's. */
  readonly keepAliveMs?: number;
}

/** Begins to connect; `openedEvent` says that it is open, TLS included. */
export function connectEndpoint({ address, port, tls }: ConnectTarget, options: ConnectOptions): Socket {
  const { introduction, onread, protocols, allowHalfOpen = false, keepAliveMs } = options;
  const socket = connect({
    host: address,
    port,
    noDelay: true,
    allowHalfOpen,
    ...(keepAliveMs === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveMs }),
    ...(onread === undefined || tls !== undefined ? {} : { onread }),
  });
  if (introduction !== undefined) socket.write(introduction);
  if (tls === undefined) return socket;
  const secured = tls.secure(socket, `${address} ${port}`, protocols);
  if (onread !== undefined) readAs(secured, onread);
  return secured;
}

/** What a connection says when it is open. */
export function openedEvent(socket: unknown): 'connect' | 'secureConnect' {
  return socket instanceof TLSSocket ? 'secureConnect' : 'connect';
}
