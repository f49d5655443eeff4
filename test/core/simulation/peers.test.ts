import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Outcome, Run } from '../../../src/core/simulation/play.ts';
import { simulated } from '../../support/simulated.ts';

/** Plans that other tools show in their examples, written in ours and played in a good world and in bad ones. */

const FOLDER = 'test/fixtures/peers';
const SERVICE = readFileSync(join(FOLDER, 'service.yaml'), 'utf8');
const MINUTE = 60_000;

interface Expected {
  readonly outcome: Outcome;
  /** From the start to the end, in minutes: what the tool promises at the least, and what our looks may add. */
  readonly minutes: readonly [least: number, most: number];
  /** The most that the canary got, in percent. */
  readonly weight: number;
  readonly because?: RegExp;
  /** No user met the canary. */
  readonly unseen?: true;
}

const EXPECTED: Readonly<Record<string, Readonly<Record<string, Expected>>>> = {
  '01-argo-canary': {
    good: { outcome: 'promoted', minutes: [31, 33], weight: 100 },
    // "pauses indefinitely": nothing but a person moves it.
    bad: { outcome: 'held', minutes: [7 * 1_440, 7 * 1_440 + 10], weight: 20, because: /approval of a person/ },
    aborted: { outcome: 'aborted', minutes: [10, 10.1], weight: 20 },
  },
  '03-argo-analysis-step': {
    good: { outcome: 'promoted', minutes: [0.3, 1], weight: 100 },
    // "A failure of the analysis will cause the rollout's update to abort, and set the canary weight to zero."
    bad: { outcome: 'rolled_back', minutes: [0.1, 1], weight: 25, because: /pass is Failed/ },
  },
  '06-argo-header-routing': {
    good: { outcome: 'promoted', minutes: [20, 21], weight: 100 },
    bad: { outcome: 'aborted', minutes: [20, 20.1], weight: 20 },
  },
  '07-argo-mirror': {
    good: { outcome: 'promoted', minutes: [6, 13], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [0.2, 2], weight: 0, because: /error-rate/, unseen: true },
  },
  '11-argo-rollback-window': {
    // Back at once: no step, no analysis.
    good: { outcome: 'undone', minutes: [30, 30.1], weight: 100 },
    bad: { outcome: 'promoted', minutes: [1, 2], weight: 100 },
  },
  '12-flagger-podinfo': {
    // interval × (maxWeight / stepWeight) = 10 min, and a tick or two more.
    good: { outcome: 'promoted', minutes: [10, 15], weight: 100 },
    // interval × threshold = 10 min, all of it at the first weight.
    bad: { outcome: 'rolled_back', minutes: [10, 12], weight: 5, because: /10 of 10 failed checks/ },
    slow: { outcome: 'rolled_back', minutes: [16, 20], weight: 35, because: /10 of 10 failed checks/ },
  },
  '14-flagger-ab-test': {
    // interval × iterations = 150 s.
    good: { outcome: 'promoted', minutes: [2.5, 4], weight: 100 },
    // interval × threshold = 150 s after it turns bad.
    bad: { outcome: 'rolled_back', minutes: [3.5, 4], weight: 0, because: /10 of 10 failed checks/ },
    refused: { outcome: 'rolled_back', minutes: [0, 0.5], weight: 0, because: /conformance-test/, unseen: true },
  },
  '16-flagger-session-affinity': {
    good: { outcome: 'promoted', minutes: [5, 7], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [12, 15], weight: 30, because: /10 of 10 failed checks/ },
  },
  '18a-kruise-canary': {
    good: { outcome: 'promoted', minutes: [180, 181], weight: 100 },
    // Without analysis nothing but a person goes back.
    bad: { outcome: 'aborted', minutes: [90, 90.1], weight: 50 },
  },
  '18b-kruise-blue-green': {
    good: { outcome: 'promoted', minutes: [30, 31], weight: 100 },
    bad: { outcome: 'aborted', minutes: [30, 30.1], weight: 100 },
  },
  '20a-codedeploy-canary': {
    good: { outcome: 'promoted', minutes: [5, 6], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [0.2, 5], weight: 10, because: /error-rate/ },
  },
  '20b-codedeploy-linear': {
    good: { outcome: 'promoted', minutes: [9, 12], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [0.2, 5], weight: 10, because: /error-rate/ },
  },
  '20c-ecs-canary': {
    good: { outcome: 'promoted', minutes: [20, 21], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [10, 12], weight: 100, because: /error-rate/ },
  },
  '20d-cloud-deploy-verify': {
    good: { outcome: 'promoted', minutes: [5, 6], weight: 100 },
    bad: { outcome: 'rolled_back', minutes: [5, 6], weight: 50, because: /hook verify refuses/ },
  },
  '20e-growthbook-ramp': {
    good: { outcome: 'promoted', minutes: [50, 55], weight: 100 },
    // Sent back by evidence, somewhere on the way: never from half of the users.
    bad: { outcome: 'rolled_back', minutes: [1, 50], weight: 25, because: /worse than stable beyond doubt/ },
  },
};

const read = (name: string, file: string) => readFileSync(join(FOLDER, name, `${file}.yaml`), 'utf8');
const cases = Object.entries(EXPECTED).flatMap(([name, worlds]) =>
  Object.entries(worlds).map(([world, expected]) => [name, world, expected] as const),
);

it('every plan and world of the folder is played', () => {
  const found = readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [name, readdirSync(join(FOLDER, name)).toSorted()]);
  const played = Object.entries(EXPECTED).map(([name, worlds]) => [
    name,
    [...Object.keys(worlds), 'plan'].map((file) => `${file}.yaml`).toSorted(),
  ]);
  expect(found.toSorted()).toEqual(played);
});

describe.each(cases)('%s in a world that is %s', (name, world, expected) => {
  // A week is long to play, and so is an hour of comparing.
  const seeds = expected.minutes[1] > 50 ? [1] : [1, 2, 3];

  it(`ends as its sources say: ${expected.outcome}`, () => {
    for (const seed of seeds) {
      const run = simulated(`${SERVICE}---\n${read(name, 'plan')}`, read(name, world), seed);
      expect({ seed, outcome: run.outcome }).toEqual({ seed, outcome: expected.outcome });
      expect(run.tookMs).toBeGreaterThanOrEqual(expected.minutes[0] * MINUTE);
      expect(run.tookMs).toBeLessThanOrEqual(expected.minutes[1] * MINUTE);
      expect(mostOf(run)).toBeLessThanOrEqual(expected.weight);
      if (expected.outcome === 'promoted') expect(mostOf(run)).toBe(100);
      if (expected.because !== undefined) expect(run.because).toMatch(expected.because);
      if (expected.unseen) expect(run.toll.canary).toBe(0);
    }
  });
});

it('testers that a step pins stay with the canary beside its weight', () => {
  const run = simulated(
    `${SERVICE}---\n${read('06-argo-header-routing', 'plan')}`,
    read('06-argo-header-routing', 'good'),
  );
  const at = (name: string) => run.entries.find(({ message }) => message.includes(`(${name})`))?.atMs ?? 0;
  expect(at('firefox')).toBeLessThan(at('chrome'));
  expect(at('chrome')).toBeLessThan(at('nobody'));
  // A tenth of the requests is pinned and a fifth of the others drawn, for half of the time; then it is 40 percent alone.
  const share = run.toll.canary / run.toll.requests;
  expect(share).toBeGreaterThan(0.3);
  expect(share).toBeLessThan(0.38);
});

it('undo outside its window is refused, with the reason', () => {
  const run = simulated(
    `${SERVICE}---\n${read('11-argo-rollback-window', 'plan')}`,
    read('11-argo-rollback-window', 'bad'),
  );
  expect(run.entries.at(-1)).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('is not warm any more'),
  });
});

function mostOf({ entries }: Run): number {
  return Math.max(...entries.map(({ weight }) => weight)) / 100;
}
