import type { Algorithm } from '../../api/snapshot.ts';
import type { Picker, PickerInput } from './picker.ts';
import { RoundRobin } from './round-robin.ts';

/** Makes the picker of an algorithm. */
export function createPicker(algorithm: Algorithm, input: PickerInput): Picker {
  switch (algorithm) {
    case 'RoundRobin':
    case 'WeightedRoundRobin':
    case 'LeastConnections':
    case 'PowerOfTwoChoices':
    case 'Random':
    case 'LeastLatency':
    case 'SourceIPHash':
    case 'ConsistentHash':
      return new RoundRobin(input);
  }
}

/** Does an endpoint of weight 0 get nothing new? */
export function usesWeights(algorithm: Algorithm): boolean {
  return algorithm !== 'RoundRobin';
}

/** Does the algorithm choose by the request's key, also among backends? */
export function hashes(algorithm: Algorithm): boolean {
  return algorithm === 'SourceIPHash' || algorithm === 'ConsistentHash';
}
