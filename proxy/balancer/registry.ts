import type { Algorithm } from '../../api/snapshot.ts';
import { LeastConnections } from './least-connections.ts';
import { LeastLatency } from './least-latency.ts';
import { MaglevHash } from './maglev-hash.ts';
import type { Picker, PickerInput } from './picker.ts';
import { PowerOfTwoChoices } from './power-of-two-choices.ts';
import { Random } from './random.ts';
import { RoundRobin } from './round-robin.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

/** Makes the picker of an algorithm. */
export function createPicker(algorithm: Algorithm, input: PickerInput): Picker {
  switch (algorithm) {
    case 'RoundRobin':
      return new RoundRobin(input);
    case 'WeightedRoundRobin':
      return new WeightedRoundRobin(input);
    case 'LeastConnections':
      return new LeastConnections(input);
    case 'PowerOfTwoChoices':
      return new PowerOfTwoChoices(input);
    case 'Random':
      return new Random(input);
    case 'LeastLatency':
      return new LeastLatency(input);
    case 'SourceIPHash':
    case 'ConsistentHash':
      return new MaglevHash(input);
  }
}

/**
 * Do endpoint weights count, so that one of weight 0 gets nothing new? All but RoundRobin use the configured weight;
 * the hash algorithms leave out the part of it that slow start changes, which would move keys back and forth.
 */
export function usesWeights(algorithm: Algorithm): boolean {
  return algorithm !== 'RoundRobin';
}

/** Does the algorithm choose by the request's key, also among backends? */
export function hashes(algorithm: Algorithm): boolean {
  return algorithm === 'SourceIPHash' || algorithm === 'ConsistentHash';
}
