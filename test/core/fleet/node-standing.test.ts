import { describe, expect, it } from 'vitest';
import { countStandings, lagOf, standingOf } from '../../../src/core/fleet/node-standing.ts';
import { node } from '../../support/rollouts.ts';

const at = (n: number, epoch = 'e') => ({ epoch, n });
const nack = { position: at(7), type: 'route', trial: null, message: 'no', atMs: 0 };

describe('where an Envoy is', () => {
  it.each([
    ['gone', { connected: false, credited: at(7) }, at(7)],
    ['gone', { connected: false, nack }, at(7)],
    ['refused', { credited: at(6), nack }, at(7)],
    ['behind', { credited: at(6) }, at(7)],
    ['behind', { credited: null }, at(7)],
    // Numbers of another epoch say nothing, and neither does a table that nobody has read.
    ['behind', { credited: at(9, 'old') }, at(7)],
    ['behind', { credited: at(7) }, null],
    ['current', { credited: at(7) }, at(7)],
    ['current', { credited: at(8) }, at(7)],
  ] as const)('%s: %j of %j', (standing, fields, newest) => {
    expect(standingOf(node('a', fields), newest)).toBe(standing);
  });

  it('is told in revisions where they can be compared', () => {
    expect(lagOf(node('a', { credited: at(4) }), at(7))).toBe(3);
    expect(lagOf(node('a', { credited: at(8) }), at(7))).toBe(0);
    expect(lagOf(node('a', { credited: at(4, 'old') }), at(7))).toBeNull();
    expect(lagOf(node('a'), at(7))).toBeNull();
    expect(lagOf(node('a', { credited: at(4) }), null)).toBeNull();
  });

  it('counts who refuses as behind, too', () => {
    const nodes = [
      node('a', { credited: at(7) }),
      node('b', { credited: at(6) }),
      node('c', { nack }),
      node('d', { connected: false }),
    ];
    expect(countStandings(nodes, at(7))).toEqual({ connected: 3, behind: 2, refused: 1, gone: 1 });
  });
});
