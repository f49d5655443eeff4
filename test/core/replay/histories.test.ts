import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { judgeByPlan } from '../../../src/core/analysis/judge-by-plan.ts';
import type { KeptDecision } from '../../../src/core/replay/decision.ts';
import { replay } from '../../../src/core/replay/replay.ts';

/** Rollouts as earlier versions decided them, see docs/store.md. Each version has to come to the same. */
const FOLDER = 'test/fixtures/replays';
const ENDS: Readonly<Record<string, string>> = { 'promoted.json': 'promoted', 'rolled-back.json': 'rolled_back' };

it('has one history that ended well, and one that did not', () => {
  expect(readdirSync(FOLDER)).toEqual(expect.arrayContaining(Object.keys(ENDS)));
});

for (const file of readdirSync(FOLDER)) {
  it(`decides ${file} as it was decided`, () => {
    const saved = JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as { decisions: KeptDecision[] };
    const again = replay(saved.decisions, { judge: judgeByPlan });
    expect(again.differences.filter(({ kind }) => kind === 'decision')).toEqual([]);
    expect(again.notReplayed).toEqual([]);
    expect(again.decisions).toBe(saved.decisions.length - 1);
    if (ENDS[file] !== undefined) expect(again.rollout?.phase).toBe(ENDS[file]);
  });
}
