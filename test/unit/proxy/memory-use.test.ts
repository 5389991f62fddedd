import { describe, expect, it } from 'vitest';
import { heldByGroup } from '../../../proxy/memory-use.ts';

const MiB = 1_048_576;

describe('the memory that a group holds', () => {
  // F13
  it('is what a group has but for files, with the buffers of its sockets', () => {
    const stat = [
      `anon ${100 * MiB}`,
      `file ${900 * MiB}`,
      `kernel_stack ${MiB}`,
      `pagetables ${2 * MiB}`,
      `sock ${40 * MiB}`,
      `shmem ${8 * MiB}`,
      `inactive_file ${700 * MiB}`,
      `slab_reclaimable ${300 * MiB}`,
      `slab_unreclaimable ${16 * MiB}`,
      `slab ${316 * MiB}`,
    ];
    expect(heldByGroup(`${stat.join('\n')}\n`)).toBe(167 * MiB);
    expect(heldByGroup('anon 5\n')).toBe(5);
    expect(heldByGroup('cache 12\nrss 13\n')).toBeUndefined();
  });
});
