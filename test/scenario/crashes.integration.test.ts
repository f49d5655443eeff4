import { afterEach, expect, it } from 'vitest';
import type { Fault } from '../../tools/fault/fault-deck.ts';
import { runFaults } from '../../tools/fault/run-faults.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { PROGRAM } from '../support/program.ts';

const undo: Undo[] = [];
afterEach(async () => {
  await undoAll(undo, () => {});
});

/** `npm run fault` in short: it runs hundreds. */
const DECK: readonly Fault[] = [
  { kind: 'point' },
  { kind: 'end engine' },
  { kind: 'kill store' },
  { kind: 'stop engine' },
  { kind: 'recovery', point: 'before-push' },
  { kind: 'kill Envoy' },
];

it('F1/F2/F4/F16/F33: replicas, Redis and Envoys that die, stop or end in order lose, double and mislead nothing', {
  timeout: 240_000,
}, async () => {
  const lines: string[] = [];
  const { report, violations } = await runFaults({
    deck: DECK,
    seed: 7,
    program: PROGRAM,
    undo,
    say: (line) => void lines.push(line),
  });
  expect(violations, lines.join('\n')).toEqual([]);
  expect(report).toMatchObject({ crashes: 5, lostNotifications: 0 });
  expect(report.rollouts).toBeGreaterThan(2);
});
