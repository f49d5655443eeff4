import { describe, expect, it } from 'vitest';
import { spacedWrites } from '../../../src/adapters/disk/spaced-writes.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { quiet } from '../../support/quiet-logger.ts';

function subject() {
  const clock = fakeClock();
  const said: string[] = [];
  const logger = { ...quiet, info: (text: string) => said.push(text), error: (text: string) => said.push(text) };
  const disk = { due: 0, writes: 0, full: false };
  const writes = spacedWrites({
    ...{ path: '/x', everyMs: 250, clock, logger, isDue: () => disk.due > 0 },
    says: { failed: 'no', again: 'yes' },
    write: async () => {
      disk.writes += 1;
      if (disk.full) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      disk.due = 0;
    },
  });
  const come = () => {
    disk.due += 1;
    writes.arm();
  };
  return { clock, disk, writes, come, said };
}

describe('writes to a file of which nobody waits', () => {
  it('come at once, then at most once in so long, all that came meanwhile in one', async () => {
    const { clock, disk, come } = subject();
    come();
    await clock.advance(0);
    expect(disk.writes).toBe(1);
    come();
    come();
    await clock.advance(249);
    expect(disk.writes).toBe(1);
    await clock.advance(1);
    expect([disk.writes, disk.due]).toEqual([2, 0]);
  });

  it('that fail are made again until they do not, and are named once each way', async () => {
    const { clock, disk, come, writes, said } = subject();
    let heard = 0;
    writes.onFailure(() => {
      heard += 1;
    });
    disk.full = true;
    come();
    await clock.advance(500);
    expect([disk.writes, heard, said]).toEqual([3, 3, ['no']]);
    disk.full = false;
    await clock.advance(250);
    expect([disk.due, said]).toEqual([0, ['no', 'yes']]);
  });

  it('are made before the end, and none after it', async () => {
    const { clock, disk, come, writes } = subject();
    come();
    await writes.close();
    expect(disk).toMatchObject({ writes: 1, due: 0 });
    come();
    await clock.advance(1_000);
    expect(disk.writes).toBe(1);
  });
});
