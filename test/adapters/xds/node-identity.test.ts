import { describe, expect, it } from 'vitest';
import { type FleetOptions, identify } from '../../../src/adapters/xds/node-identity.ts';
import type { NodeMessage } from '../../../src/adapters/xds/request-reader.ts';

const fleets: readonly FleetOptions[] = [{ name: 'edge', match: {}, nodeFrom: 'id' }];
const named = (id: string) =>
  identify({ id, cluster: 'edge', metadata: {}, version: null } as unknown as NodeMessage, fleets);

describe('a node', () => {
  it.each(['edge-1', '...', '.a', 'a/../b', '%2e%2e', 'x'.repeat(256), '~!@#$^&*()?#'])('%s is taken in', (id) => {
    expect(named(id)).toMatchObject({ kind: 'node', identity: { nodeId: id, fleet: 'edge' } });
  });

  it.each(['', ' ', 'two words', 'ü', 'a\nb', 'x'.repeat(257)])('id %j is refused', (id) => {
    expect(named(id)).toMatchObject({ kind: 'invalid' });
  });

  it.each(['.', '..'])('id %s is refused: no URL can have it as a segment, so nobody could ask for that node', (id) => {
    expect(named(id)).toEqual({
      kind: 'invalid',
      detail: 'node.id must not be "." or "..": no URL can name that node',
    });
  });

  it('whose first request names none is refused', () => {
    expect(identify(null, fleets)).toMatchObject({ kind: 'invalid' });
  });
});
