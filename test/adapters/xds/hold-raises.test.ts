import { describe, expect, it } from 'vitest';
import { backend, revision, table } from '../../core/traffic/tables.ts';
import { waitFor } from '../../support/processes.ts';
import { boot, kit } from './rules/variants.ts';

const { stage, connect } = kit();
const [v1, v2] = [revision('web', 'v1'), revision('web', 'v2')];
const at = (n: number, weight: number) =>
  table(n, [
    backend(
      'web',
      [[v1, 10_000 - weight] as const, [v2, weight] as const].filter(([, share], arm) => arm === 0 || share > 0),
      { revisions: [v1, v2] },
    ),
  ]);

/** Replicas that have everything, nothing, or do not answer before the test says so. */
function replicas() {
  const waiting: ((confirmed: boolean) => void)[] = [];
  return {
    confirmed: () => new Promise<boolean>((resolve) => void waiting.push(resolve)),
    asked: () => waiting.length,
    answer: (confirmed: boolean) => waiting.shift()?.(confirmed),
  };
}

describe('F6: with Redis replicas, an Envoy', () => {
  it('is given more traffic for a canary once a replica has it, and a way back at once', async () => {
    const replication = replicas();
    const s = await stage(at(1, 0), { replication });
    const client = connect(s);
    await boot(client);
    const running = () => s.server.history.running('edge')?.position.n;
    expect(running()).toBe(1);
    s.feed.set(at(2, 500));
    await waitFor(() => replication.asked() === 1, { what: 'the question' });
    expect(running()).toBe(1);
    replication.answer(true);
    await waitFor(() => running() === 2, { what: 'the step' });
    // Not confirmed: asked again at the next look.
    s.feed.set(at(3, 5_000));
    await waitFor(() => replication.asked() === 1, { what: 'the question' });
    replication.answer(false);
    await waitFor(() => replication.asked() === 1, { what: 'the next look' });
    expect(running()).toBe(2);
    expect(s.log.filter(({ message }) => message.includes('waits until a Redis replica'))).toHaveLength(1);
    s.feed.set(at(4, 0));
    await waitFor(() => running() === 4, { what: 'the way back' });
    // What was held is over, also when its answer comes late, behind something newer.
    s.feed.set(at(5, 500));
    replication.answer(true);
    await waitFor(() => replication.asked() === 1, { what: 'the question about the newer one' });
    expect(running()).toBe(4);
    replication.answer(true);
    await waitFor(() => running() === 5, { what: 'the newer one' });
    expect(s.server.refusals().size).toBe(0);
  });

  it('is given each confirmed step while newer ones come without a pause', async () => {
    const replication = replicas();
    const s = await stage(at(1, 0), { replication });
    await boot(connect(s));
    const running = () => s.server.history.running('edge')?.position.n;
    s.feed.set(at(2, 500));
    await waitFor(() => replication.asked() === 1, { what: 'the question' });
    s.feed.set(at(3, 1_000));
    await waitFor(() => s.server.history.running('edge')?.position.n === 1);
    replication.answer(true);
    await waitFor(() => running() === 2, { what: 'the first' });
    await waitFor(() => replication.asked() === 1, { what: 'the next question' });
    replication.answer(true);
    await waitFor(() => running() === 3, { what: 'the second' });
  });
});
