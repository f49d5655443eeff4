import { describe, expect, it } from 'vitest';
import { PHASES } from '../../../src/core/model/phase.ts';
import { presentRollout } from '../../../src/surfaces/api/present.ts';
import type { RolloutBody } from '../../../src/surfaces/api/schemas.ts';
import { ended, type Paint, rolloutLines, rolloutTable, table } from '../../../src/surfaces/cli/render.ts';
import { view } from '../../support/fake-engine.ts';

/** Says in words what would be a colour. */
const paint: Paint = {
  good: (text) => `good(${text})`,
  bad: (text) => `bad(${text})`,
  warn: (text) => `warn(${text})`,
  dim: (text) => `dim(${text})`,
};

const body = (fields: Partial<RolloutBody> = {}): RolloutBody => ({
  ...presentRollout(view({ phase: 'stepping', waitingFor: 'its hold' })),
  ...fields,
});
const lines = (fields: Partial<RolloutBody> = {}): string[] => rolloutLines(body(fields), paint);

const step = { index: 1, of: 3, name: 'half', weight: 50, attempt: 1 };
const push = { committedAt: '', liveAt: null, ackMs: null, counted: 3, probe: null };
const verdict = {
  metric: 'errors',
  verdict: 'pass' as const,
  reason: 'OK',
  detail: '0.1 % of 300',
  value: 0.001,
  baseline: null,
  limit: { min: null, max: 0.01 },
  requests: 300,
  baselineRequests: null,
};

describe('the head line', () => {
  it('names what moves from where to where, its phase and its id', () => {
    expect(lines()[0]).toBe('checkout: v1 → v2   warn(stepping)   dim(r1)');
  });

  it('of a first deployment comes from nothing', () => {
    expect(lines({ stable: null })[0]).toContain('checkout: (nothing) → v2');
  });

  it.each([
    ['promoted', 'good(promoted)'],
    ['rolling_back', 'bad(rolling back)'],
    ['rolled_back', 'bad(rolled back)'],
    ['failed', 'bad(failed)'],
    ['aborted', 'warn(aborted)'],
    ['superseded', 'warn(superseded)'],
    ['pending', 'warn(pending)'],
  ] as const)('shows %s as %s', (phase, shown) => {
    expect(lines({ phase })[0]).toContain(` ${shown} `);
  });
});

describe('the step', () => {
  it.each([
    [null, '  step 2 of 3 (half): 12.5 % to the canary'],
    [push, '  step 2 of 3 (half): 12.5 % to the canary, not yet live on all 3 Envoys'],
    [{ ...push, counted: 1, probe: null }, '  step 2 of 3 (half): 12.5 % to the canary, not yet live on its Envoy'],
    [{ ...push, ackMs: 42 }, '  step 2 of 3 (half): 12.5 % to the canary, live on all 3 Envoys after 42 ms'],
    [
      { ...push, ackMs: 0, counted: 1, probe: null },
      '  step 2 of 3 (half): 12.5 % to the canary, live on its Envoy after 0 ms',
    ],
  ])('with the push %j', (at, line) => {
    expect(lines({ step, weight: 12.5, push: at })[1]).toBe(line);
  });
});

describe('what else is to be said', () => {
  it('Envoys that are late, a pause, a cause', () => {
    const cause = {
      kind: 'nack',
      summary: 'edge-1 refused it',
      by: 'serin',
      at: '',
      step: 0,
      node: null,
      verdict: null,
    };
    const paused = { by: 'ann', reason: 'lunch', at: '' };
    expect(lines({ laggards: ['edge-1', 'edge-2'], paused, cause }).slice(1)).toEqual([
      'warn(  not there yet: edge-1, edge-2)',
      'warn(  paused by ann: lunch)',
      'bad(  cause: edge-1 refused it)',
      'dim(  waits for its hold)',
    ]);
  });

  it('an Envoy that had the step and is gone', () => {
    const live = { ...push, liveAt: '', ackMs: 12, counted: 1 };
    expect(lines({ step, push: live, laggards: ['edge-1'] })).toContain('warn(  there before, but not now: edge-1)');
  });

  it('how to open the gate', () => {
    expect(lines({ gate: { step: 1, attempt: 4 } })).toContain(
      'warn(  approve it: serin rollout approve r1 --gate 1/4)',
    );
  });

  it.each([
    ['pass', 'good(pass) errors: 0.1 % of 300'],
    ['fail', 'bad(FAIL) errors: 0.1 % of 300'],
    ['inconclusive', 'warn(hold) errors: 0.1 % of 300 dim([NO_DATA])'],
  ] as const)('a verdict: %s', (kind, line) => {
    expect(lines({ verdicts: [{ ...verdict, verdict: kind, reason: 'NO_DATA' }] })).toContain(`  ${line}`);
  });

  it('not twice that evidence is waited for', () => {
    const waitingFor = 'evidence of errors';
    expect(lines({ waitingFor })).toContain('dim(  waits for evidence of errors)');
    expect(lines({ waitingFor, verdicts: [verdict] }).join()).not.toContain('waits for');
  });

  it('nothing to wait for at its end', () => {
    const ends = PHASES.filter((phase) => ended(body({ phase })));
    expect(ends).toEqual(['promoted', 'rolled_back', 'aborted', 'failed', 'superseded']);
    for (const phase of ends) expect(lines({ phase })).toHaveLength(1);
    expect(lines({ phase: 'promoting' })).toContain('dim(  waits for its hold)');
  });
});

describe('tables', () => {
  it('are as wide as their widest cell, colours and empty cells aside', () => {
    const red = '\u001b[31mgone\u001b[39m';
    expect(
      table([
        ['A', 'STATE', ''],
        ['long name', red, 'x'],
        ['b', 'ok', ''],
      ]),
    ).toEqual(['A          STATE', `long name  ${red}   x`, 'b          ok']);
  });

  it('of rollouts say where each one stands', () => {
    const paused = { by: 'ann', reason: 'lunch', at: '' };
    const rows = rolloutTable([body({ step, weight: 12.5, paused }), body({ phase: 'rolled_back', weight: 0 })]);
    expect(rows.map((row) => row.split(/ {2,}/).slice(3, 6))).toEqual([
      ['PHASE', 'STEP', 'WEIGHT'],
      ['stepping (paused)', '2/3', '12.5 %'],
      ['rolled back', '-', '0 %'],
    ]);
    expect(rolloutTable([])).toHaveLength(1);
  });
});
