import { describe, expect, it } from 'vitest';
import { type Override, withEmergencies } from '../../../src/core/traffic/with-emergencies.ts';
import { waitFor } from '../../support/processes.ts';
import { boot, credited, forEachVariant, split } from './rules/variants.ts';

type Config = { virtualHosts?: { routes?: { route?: Record<string, unknown> }[] }[] };
const services = ['shop--v1', 'shop--v2'];
const clustersOf = (resources: readonly unknown[]) =>
  JSON.stringify((resources[0] as Config).virtualHosts?.[0]?.routes?.[0]?.route ?? null);

forEachVariant(({ stage, connect }) => {
  const opened = async () => {
    const overrides: Override[] = [];
    const s = await stage(split(1, 5_000), { overlay: (table) => withEmergencies(table, overrides) });
    const client = connect(s);
    await boot(client, services);
    await s.until('credit', credited(1));
    return { s, client, overrides };
  };

  describe('a decision that the store does not have', () => {
    it('F5: is with the Envoys at once while the store is away, and no table is credited by its ACK', async () => {
      const { s, client, overrides } = await opened();
      s.feed.fail('unavailable');
      overrides.push({ backend: 'shop', cluster: 'shop--v1', releasedAt: {} });
      s.server.republish();
      const pushed = await client.accept('route');
      expect(clustersOf(pushed.resources)).toContain('shop--v1');
      expect(clustersOf(pushed.resources)).not.toContain('shop--v2');
      const given = s.server.given('edge');
      const state = await s.until('ACK', ({ nodes }) => nodes[0]?.routes?.epoch === given?.epoch);
      // What was at revision 1 counts as being nowhere: no step may go on by it.
      expect(state.nodes[0]?.credited?.epoch).not.toBe('e1');
    });

    it('F5: holds against a table that raises the weight, until one has the decision', async () => {
      const { s, client, overrides } = await opened();
      overrides.push({ backend: 'shop', cluster: 'shop--v1', releasedAt: {} });
      s.server.republish();
      await client.accept('route');
      s.feed.set(split(2, 9_000));
      await waitFor(() => s.server.history.newest('edge')?.position.n === 2, { what: 'the table' });
      await client.barrier();
      expect(client.pending('route')).toBe(0);
      overrides.splice(0, 1, { backend: 'shop', cluster: 'shop--v1', releasedAt: { edge: { epoch: 'e1', n: 3 } } });
      s.server.republish();
      s.feed.set(split(3, 1_000));
      expect(clustersOf((await client.accept('route')).resources)).toContain('shop--v2');
      await s.until('credit', credited(3));
    });

    it('F6: also of a store that is frozen', async () => {
      const { s, client, overrides } = await opened();
      s.feed.freeze('the store has lost commits');
      await waitFor(() => s.server.refusals().size === 1, { what: 'the freeze' });
      overrides.push({ backend: 'shop', cluster: 'shop--v1', releasedAt: {} });
      s.server.republish();
      expect(clustersOf((await client.accept('route')).resources)).not.toContain('shop--v2');
      expect(s.server.refusals().get('edge')?.errors[0]?.code).toBe('SERIN_STORE_REGRESSED');
    });
  });
});
