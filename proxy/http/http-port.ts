import type { Socket } from 'node:net';
import type { Member } from '../conn/member-list.ts';
import type { Parties } from '../listen/proxy-protocol.ts';
import type { LeavingEndpoints } from '../upstream/leaving-endpoints.ts';
import type { ClientAddressSource } from './client-address-source.ts';
import type { ClientTls } from './client-tls.ts';
import type { HttpWorker } from './http-worker.ts';
import type { HttpRouteTable } from './route-target.ts';

/** What a client's connection asks of the port it came in on; what it says may change between two requests. */
export interface HttpPort {
  readonly worker: HttpWorker;
  readonly table: HttpRouteTable;
  readonly scheme: 'http' | 'https';
  /** The port that clients reach. */
  readonly number: number;
  readonly clientAddresses: ClientAddressSource;
  readonly requestHeaderMs: number;
  readonly idleMs: number;
  readonly isDraining: boolean;
  /** A connection turned out to speak HTTP/2: it is somebody else's now. `bytes` were read of it already. */
  speaksHttp2(connection: PortConnection, socket: Socket, start: ConnectionStart, bytes: Buffer): void;
  /** The connection is gone. */
  closed(connection: PortConnection): void;
}

/** What is known of a connection before its first request. */
export interface ConnectionStart {
  /** What a PROXY protocol header said, if there was one. */
  readonly parties: Parties | undefined;
  /** Undefined: it is in clear. */
  readonly tls: ClientTls | undefined;
}

/** What a port does with its clients' connections, whatever version of HTTP they speak. */
export interface PortConnection extends Member {
  /** Once a second or so. @param now `Clock.now()` */
  sweep(leaving: LeavingEndpoints, now: number): void;
  /** The port drains: finish what is under way. */
  drain(): void;
  destroy(): void;
}
