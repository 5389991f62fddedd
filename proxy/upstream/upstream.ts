import type { Backend } from '../../api/snapshot.ts';
import type { EndpointState } from '../state/endpoint-state.ts';

/** A backend at run time, in one worker. */
export interface Upstream {
  readonly poolUid: string;
  readonly backend: Backend;
  /** Its slot in the shared table. */
  readonly slot: number;
  /** All endpoints, in canonical order, eligible or not. */
  readonly endpoints: readonly EndpointState[];
}
