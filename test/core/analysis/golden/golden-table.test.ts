import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GoldenTable } from '../../../../src/core/analysis/golden/golden-table.ts';
import { expectClose } from './close.ts';

interface Case {
  readonly input: unknown;
  readonly expected: unknown;
}
interface Group extends Partial<Case> {
  readonly judge: string;
  readonly cases?: readonly Case[];
  readonly tolerance?: unknown;
}

const file = new URL('../../../fixtures/golden/golden.json', import.meta.url);
const table = JSON.parse(readFileSync(file, 'utf8')) as { groups: Record<string, Group> };

/** Relative, where a table's own words ask for another one than 1e-9; roots of the rank test are absolute. */
const RELATIVE: Record<string, number> = { srm_dirichlet: 1e-8, betabin_closed_form: 1e-8 };
const AT: Record<string, { relative?: number; absolute?: number }> = {
  probVariantBetter: { relative: 1e-8 },
  ci: { absolute: 1e-6 },
  estimate: { absolute: 1e-6 },
};
describe('the golden table', () => {
  const groups = Object.entries(table.groups);

  it.each(groups)('%s', (name, group) => {
    const { expected, ...input } = group;
    const given = { ...input, cases: group.cases?.map((one) => ({ input: one.input })) };
    const { groups: got } = GoldenTable.parse({ version: 1, groups: { [name]: given } });
    const wanted = group.cases === undefined ? expected : group.cases.map((one) => one.expected);
    expect(wanted).toBeDefined();
    expectClose(got[name], wanted, { relative: RELATIVE[name] ?? 1e-9, absolute: 1e-12, at: AT });
  });

  it('is not empty', () => {
    expect(groups.length).toBeGreaterThanOrEqual(26);
  });
});

describe('GoldenTable', () => {
  const one = (name: string, group: object) => GoldenTable.safeParse({ groups: { [name]: group } });
  const ticks_xc_xb_nc_nb = [[3, 15, 149, 2851]];

  it('takes what a test has by itself as given where a table leaves it out', () => {
    const short = one('errors_margin_1.25', { input: { rho: 1.25, ticks_xc_xb_nc_nb } });
    const full = one('errors_margin_1.25', {
      input: { rho: 1.25, side: 1, phi: 1, clip: null, starts: [[0, 1]], ticks_xc_xb_nc_nb },
    });
    expect(short.data).toEqual(full.data);
  });

  it('gives one answer per case', () => {
    const input = { x: 3, n: 10, q: 0.05, d: 1.6 };
    const answered = one('tilt_kernel', {
      cases: [{ input }, { input: { ...input, n: 0, x: 0 } }, { input: { ...input, q: 1 } }],
    });
    expect(answered.data?.groups.tilt_kernel).toEqual([expect.closeTo(2.996373429147529, 9), 0, 0]);
  });

  it('serves a group of another name by its judge and what it is given', () => {
    const ticks = one('errors_elsewhere', { judge: 'error-rate', input: { rho: 1.25, ticks_xc_xb_nc_nb } });
    expect(ticks.data?.groups.errors_elsewhere).toHaveProperty('logE');
    const arms = one('arms', { judge: 'srm', input: { counts: [5, 7], shares: [0.5, 0.5] } });
    expect(arms.data?.groups.arms).toEqual(expect.any(Number));
  });

  it.each<[string, string, object, (string | number)[]]>([
    ['an unknown group', 'nothing', { judge: 'no-judge', input: {} }, ['groups', 'nothing', 'input']],
    ['a missing input', 'tilt_kernel', {}, ['groups', 'tilt_kernel', 'input']],
    [
      'a word for a number',
      'tilt_kernel',
      { input: { x: 'three', n: 1, q: 0.1, d: 1 } },
      ['groups', 'tilt_kernel', 'input', 'x'],
    ],
    ['a case without input', 'tilt_kernel', { cases: [{}] }, ['groups', 'tilt_kernel', 'cases', 0, 'input']],
    [
      'a count below zero',
      'errors_margin_1.25',
      {
        input: {
          ticks_xc_xb_nc_nb: [
            [1, 2, 3, 4],
            [1, -2, 3, 4],
          ],
        },
      },
      ['groups', 'errors_margin_1.25', 'input', 'ticks_xc_xb_nc_nb', 1, 1],
    ],
    [
      'weights that void the bound',
      'errors_margin_1.25',
      {
        input: {
          ticks_xc_xb_nc_nb,
          starts: [
            [0, 0.7],
            [3, 0.7],
          ],
        },
      },
      ['groups', 'errors_margin_1.25', 'input', 'starts'],
    ],
    [
      'dispersion that sharpens',
      'errors_margin_1.25',
      { input: { ticks_xc_xb_nc_nb, phi: 0.5 } },
      ['groups', 'errors_margin_1.25', 'input', 'phi'],
    ],
    [
      'more successes than users',
      'ab',
      { input: { control: [5, 4], variant: [1, 9] } },
      ['groups', 'ab', 'input', 'control'],
    ],
    [
      'an edge that the histogram lacks',
      'latency_exceedance',
      { input: { le: [50], canaryCumulative: [1, 2], baselineCumulative: [1, 2], edgesUsed: [60] } },
      ['groups', 'latency_exceedance', 'input', 'edgesUsed'],
    ],
  ])('refuses %s and names its place', (_, name, group, path) => {
    const refused = one(name, group);
    expect(refused.error?.issues[0]?.path).toEqual(path);
    expect(refused.error?.issues[0]?.message).not.toBe('');
  });

  it('never answers with what is no number, whatever the counts', () => {
    const rows = [
      [0, 0, 0, 0],
      [0, 0, 1e15, 1e15],
      [1e15, 0, 1e15, 1],
      [0, 1e15, 1, 1e15],
      [5, 0, 0, 1000],
      [0, 0, 1e-9, 1e15],
    ];
    const { groups } = GoldenTable.parse({
      groups: { errors: { judge: 'error-rate', input: { rho: 1.25, ticks_xc_xb_nc_nb: rows } } },
    });
    const { logE } = groups.errors as { logE: number[] };
    expect(logE).toHaveLength(rows.length);
    for (const value of logE) expect(Number.isFinite(value)).toBe(true);
  });
});
