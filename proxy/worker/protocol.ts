import type { BoundSocket, Server } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { PoolSnapshot } from '../../api/snapshot.ts';
import type { PoolTraffic } from '../../api/traffic.ts';
import type { WorkerLoad } from '../observe/load.ts';
import type { MetricJson } from '../observe/traffic-meter.ts';
import type { PoolSlots } from '../health/health-monitor.ts';
import type { PassiveEvent } from '../health/passive-reporter.ts';
import type { PoolEdit } from './pool-edit.ts';

export interface PoolChange {
  readonly pool: PoolSnapshot;
  readonly slots: PoolSlots;
}

/** Main thread to worker. */
export type ToWorker =
  /** Serve these pools from now on, forget those; answered by `applied` once no new request can meet what was. */
  | {
      readonly type: 'apply';
      readonly seq: number;
      readonly upsert: readonly PoolChange[];
      /** Of pools that it has. */
      readonly edit: readonly PoolEdit[];
      readonly remove: readonly string[];
    }
  /** Accept on this port. TCP comes as a socket already bound, UDP is bound by the one worker that owns the port. */
  | { readonly type: 'listen'; readonly seq: number; readonly portId: string; readonly bound?: BoundSocket }
  /** Serve what is queued, then close the port, answered by `applied`; its sessions go on until they end. */
  | { readonly type: 'unlisten'; readonly seq: number; readonly portId: string }
  /** A successor: hand it every listening server, accept queues included, answered by `applied`, then serve out what is open. */
  | { readonly type: 'hand-over'; readonly seq: number; readonly to: MessagePort }
  /** A predecessor, which sends its listening servers through this port. */
  | { readonly type: 'take-over'; readonly from: MessagePort }
  | { readonly type: 'drain' }
  | { readonly type: 'collect'; readonly seq: number }
  /** Like `collect`, with the little that is wanted every other second. */
  | { readonly type: 'count'; readonly seq: number };

/** Worker to main thread. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'applied'; readonly seq: number }
  | { readonly type: 'listening'; readonly seq: number; readonly error?: string }
  | { readonly type: 'passive'; readonly event: PassiveEvent }
  /** An exception nobody caught: the request it hit is lost, the thread wants to be replaced. */
  | { readonly type: 'failing'; readonly error: string }
  | {
      readonly type: 'collected';
      readonly seq: number;
      readonly metrics: readonly MetricJson[];
      readonly load: WorkerLoad;
    }
  | { readonly type: 'counted'; readonly seq: number; readonly traffic: readonly PoolTraffic[] }
  /** Nothing is open any more (after `drain` or `hand-over`). */
  | { readonly type: 'drained' };

/** Predecessor to successor. */
export interface HandedServer {
  readonly portId: string;
  readonly server: Server;
}

export interface WorkerData {
  readonly workerId: number;
  readonly table: SharedArrayBuffer;
  readonly rateTable: SharedArrayBuffer;
  readonly bindAddress: string;
  readonly zone?: string;
  readonly nodeName?: string;
  readonly logLevel: string;
  readonly accessLog: boolean;
  /** Client connections this worker may have open. */
  readonly maxConnections: number;
}
