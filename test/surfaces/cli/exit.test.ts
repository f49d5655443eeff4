import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../src/core/model/errors.ts';
import { PHASES, type Phase } from '../../../src/core/model/phase.ts';
import { EXIT, exitOfErrors, exitOfPhase } from '../../../src/surfaces/cli/exit.ts';

/** Written down a second time on purpose: scripts branch on these, so a change must be seen here. */
const BY_ERROR: Readonly<Record<number, readonly ErrorCode[]>> = {
  1: ['SERIN_STORE_DAMAGED', 'SERIN_STORE_REGRESSED', 'SERIN_INTERNAL'],
  2: [
    'SERIN_WORLD_INVALID',
    'SERIN_YAML_SYNTAX',
    'SERIN_YAML_REFUSED',
    'SERIN_YAML_TOO_LARGE',
    'SERIN_DOCUMENT_INVALID',
    'SERIN_UNKNOWN_REFERENCE',
    'SERIN_REQUEST_INVALID',
    'SERIN_ANALYSIS_FILE_INVALID',
    'SERIN_CONFIG_INVALID',
    'SERIN_NOT_FOUND',
    'SERIN_ENVOY_REJECTED',
    'SERIN_EXPORT_INVALID',
    'SERIN_SCHEMA_NEWER',
  ],
  5: ['SERIN_TIMEOUT'],
  6: ['SERIN_STORE_UNAVAILABLE', 'SERIN_METRICS_UNAVAILABLE', 'SERIN_UNREACHABLE'],
  7: ['SERIN_UNAUTHENTICATED', 'SERIN_FORBIDDEN', 'SERIN_RAW_ENVOY_OFF'],
  8: [
    'SERIN_CONFLICT',
    'SERIN_ROLLOUT_ACTIVE',
    'SERIN_STALE_TRIGGER',
    'SERIN_PHASE_CONFLICT',
    'SERIN_GATE_CONFLICT',
    'SERIN_IN_USE',
    'SERIN_IDEMPOTENCY_MISMATCH',
    'SERIN_NOT_READY',
    'SERIN_NOT_WARM',
    'SERIN_REPLAY_REFUSED',
    'SERIN_STORE_NOT_EMPTY',
  ],
};

const BY_PHASE: readonly (readonly [Phase, number])[] = [
  ['promoted', 0],
  ['rolled_back', 3],
  ['failed', 3],
  ['aborted', 4],
  ['superseded', 8],
];

describe('exit codes', () => {
  it('are the ones that are fixed', () => {
    expect(EXIT).toEqual({
      done: 0,
      unexpected: 1,
      invalid: 2,
      rolledBack: 3,
      aborted: 4,
      timedOut: 5,
      unreachable: 6,
      notAllowed: 7,
      conflict: 8,
      differs: 9,
      interrupted: 130,
    });
  });

  it.each(Object.entries(BY_ERROR))('%s: its errors', (exit, codes) => {
    for (const code of codes) expect([code, exitOfErrors([{ code, message: '' }])]).toEqual([code, Number(exit)]);
  });

  it('know every error of the catalogue', () => {
    expect(Object.values(BY_ERROR).flat().toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  });

  it('follow the first error of many, and are unexpected without any', () => {
    expect(
      exitOfErrors([
        { code: 'SERIN_FORBIDDEN', message: '' },
        { code: 'SERIN_INTERNAL', message: '' },
      ]),
    ).toBe(7);
    expect(exitOfErrors([])).toBe(1);
  });

  it.each(BY_PHASE)('a rollout that is %s: %i', (phase, exit) => {
    expect(exitOfPhase(phase)).toBe(exit);
  });

  it('are unexpected for a phase that is no end', () => {
    const going = PHASES.filter((phase) => !BY_PHASE.some(([end]) => end === phase));
    expect(going).toHaveLength(6);
    expect(new Set(going.map(exitOfPhase))).toEqual(new Set([1]));
  });
});
