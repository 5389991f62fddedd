import { describe, expect, it } from 'vitest';
import { chooseSource, type Wish } from '../../../cli/sources/choose-source.ts';

const flag = (value: string): Wish => ({ value, from: 'flag' });
const env = (value: string): Wish => ({ value, from: 'environment' });

describe('chooseSource', () => {
  it('asks whom a flag names', () => {
    expect(chooseSource({ admin: flag('127.0.0.1:1') }, true)).toEqual({
      kind: 'standalone',
      address: '127.0.0.1:1',
    });
    expect(chooseSource({ context: flag('prod') }, false)).toEqual({ kind: 'cluster', context: 'prod' });
  });

  it('counts a flag before the environment, and takes the rest of the kubeconfig from there', () => {
    expect(chooseSource({ admin: env('127.0.0.1:1'), context: flag('prod') }, false).kind).toBe('cluster');
    expect(chooseSource({ admin: flag('127.0.0.1:1'), kubeconfig: env('k') }, true).kind).toBe('standalone');
    expect(chooseSource({ context: flag('prod'), kubeconfig: env('k') }, true)).toEqual({
      kind: 'cluster',
      kubeconfig: 'k',
      context: 'prod',
    });
  });

  it('cannot ask both', () => {
    expect(chooseSource({ admin: flag('127.0.0.1:1'), kubeconfig: flag('k') }, true).kind).toBe('both');
  });

  it('asks the cluster there is, else the standalone process where it is by default', () => {
    expect(chooseSource({}, true)).toEqual({ kind: 'cluster' });
    expect(chooseSource({}, false)).toEqual({ kind: 'standalone', address: '127.0.0.1:9901' });
  });
});
