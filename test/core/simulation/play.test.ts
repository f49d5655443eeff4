import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shopPlan, simulated, told } from '../../support/simulated.ts';

const CANARY = shopPlan(`  strategy: { use: canary, with: { weights: [5, 25], hold: 2m } }
  analysis: [{ use: error-rate }]
  deadline: 1h
`);
/** Judged by fixed limits, which takes less time to play. */
const PLAIN = CANARY.replace('  deadline', '  judge: { name: threshold }\n  deadline');
const STEADY = 'requests: 200\nstable: { errors: 0.002 }\n';
const stepsOf = (steps: string, more = '  deadline: 1h\n') => shopPlan(`  strategy:\n    steps:\n${steps}${more}`);

describe('a canary that is worse', () => {
  it('goes back by the judge of the plan, with few hurt', () => {
    const run = simulated(CANARY, `${STEADY}canary: { errors: 0.1 }\n`);
    expect(run.outcome).toBe('rolled_back');
    expect(run.because).toContain('error-rate: ');
    expect(run.toll.failed).toBeGreaterThan(5 * run.toll.failedOnStable);
    expect(run.entries.some(({ weight }) => weight > 500)).toBe(false);
  });

  it('that turns bad with its share goes back from there', () => {
    const run = simulated(CANARY, `${STEADY}canary: { errors: [{ ratio: 0.002 }, { weight: 25, ratio: 0.1 }] }\n`);
    expect(run.outcome).toBe('rolled_back');
    expect(Math.max(...run.entries.map(({ weight }) => weight))).toBe(2_500);
  });

  it('that turns bad at a time goes back after it', () => {
    const run = simulated(PLAIN, `${STEADY}canary: { errors: [{ ratio: 0.002 }, { at: 3m, ratio: 0.2 }] }\n`);
    expect(run.outcome).toBe('rolled_back');
    expect(run.tookMs).toBeGreaterThan(180_000);
    expect(run.tookMs).toBeLessThan(300_000);
  });

  it('that is slower alone goes back by latency', () => {
    const timed = CANARY.replace('use: error-rate', 'use: latency, with: { objective: 250ms }');
    const world = `requests: 200\nstable: { errors: 0, latency: { p50: 40ms, p99: 240ms } }\n`;
    expect(simulated(timed, world).outcome).toBe('promoted');
    const run = simulated(timed, `${world}canary: { latency: { p50: 200ms, p99: 900ms } }\n`);
    expect(run.outcome).toBe('rolled_back');
    expect(run.because).toContain('latency');
    expect(run.toll.slow).toBeGreaterThan(5 * run.toll.slowOnStable);
  });

  it('by a query of the plan alone goes back, too', () => {
    const asks = stepsOf(
      '      - { weight: 5, hold: 1m }\n',
      '  analysis: [{ name: declined, query: sum(declined), max: 0.2 }]\n  deadline: 1h\n',
    );
    const world = (value: string) => `${STEADY}queries: { declined: { canary: ${value} } }\n`;
    expect(simulated(asks, world('0.1')).outcome).toBe('promoted');
    expect(simulated(asks, world('[{ value: 0.1 }, { weight: 5, value: 0.5 }]')).outcome).toBe('rolled_back');
  });
});

describe('a canary as good as stable', () => {
  it('is promoted, and its requests are those of its shares', () => {
    const run = simulated(CANARY, STEADY);
    expect(run).toMatchObject({ outcome: 'promoted', because: null });
    expect(told(run)).toContain('step 2 of 2 (step-2): 25 % to the canary');
    // Two minutes at 5 % and two at 25 %, and a scrape or two each.
    expect(run.toll.canary).toBeGreaterThan(200 * 120 * 0.3);
    expect(run.toll.canary).toBeLessThan(200 * 200 * 0.3);
  });

  it('without requests waits until the deadline and goes back: no evidence is no good news', () => {
    const run = simulated(CANARY, 'requests: 0\nstable: { errors: 0 }\n');
    expect(run).toMatchObject({ outcome: 'rolled_back', toll: { requests: 0, canary: 0 } });
    expect(run.because).toContain('the deadline passed');
  });

  it('whose hosts are never healthy gets no request', () => {
    const run = simulated(PLAIN, `${STEADY}canary: { ready: 2h }\n`);
    expect(run).toMatchObject({ outcome: 'failed', toll: { canary: 0 } });
  });
});

describe('without Prometheus', () => {
  it('nothing moves meanwhile, and the rollout goes on behind it', () => {
    const calm = simulated(PLAIN, STEADY);
    const run = simulated(PLAIN, `${STEADY}outages: [{ from: 1m, for: 5m }]\n`);
    expect(run.outcome).toBe('promoted');
    expect(run.tookMs).toBeGreaterThan(calm.tookMs + 120_000);
    const out = run.entries.filter(({ atMs }) => atMs > 60_000 && atMs < 360_000);
    expect(out.every(({ weight }) => weight === 500)).toBe(true);
    expect(out.some(({ message }) => message.includes('SOURCE_DOWN'))).toBe(true);
  });

  it('for too long it is paused for a person', () => {
    const run = simulated(PLAIN, `${STEADY}outages: [{ from: 1m, for: 30d }]\n`, 1, 1_800_000);
    expect(run).toMatchObject({ outcome: 'held', paused: true });
    expect(run.because).toContain('no evidence for too long');
  });
});

describe('people', () => {
  const gated = stepsOf('      - { name: half, weight: 50, approve: true }\n');

  it('who say nothing let the deadline send it back', () => {
    expect(simulated(gated, STEADY)).toMatchObject({ outcome: 'rolled_back' });
  });

  it.each(['approve: 5m', 'approve: { half: 5m }'])('who approve (%s) let it go on', (approve) => {
    const run = simulated(gated, `${STEADY}people: { as: anna, ${approve} }\n`);
    expect(run.outcome).toBe('promoted');
    expect(run.tookMs).toBeGreaterThan(300_000);
    expect(run.entries.find(({ kind }) => kind === 'approved')).toMatchObject({ by: 'anna' });
  });

  it('whose approval does not count are refused once, and it waits on', () => {
    const named = stepsOf('      - { weight: 50, approval: { by: [anna] } }\n');
    const run = simulated(named, `${STEADY}people: { as: tom, approve: 1m }\n`);
    expect(run.outcome).toBe('rolled_back');
    expect(run.entries.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
  });

  it('abort, and undo what was promoted', () => {
    const steps = stepsOf('      - { weight: 50, hold: 5m }\n');
    expect(simulated(steps, `${STEADY}people: { commands: [{ at: 1m, do: abort }] }\n`).outcome).toBe('aborted');
    const run = simulated(steps, `${STEADY}people: { commands: [{ at: 30m, do: undo }] }\n`);
    expect(run.outcome).toBe('undone');
    expect(told(run).some((line) => line.startsWith('undo of rollout'))).toBe(true);
  });
});

describe('hooks', () => {
  const asked = stepsOf('      - { weight: 5, webhook: { target: checks, every: 30s, within: 10m } }\n');
  const world = (answers: string) => `${STEADY}hooks: { checks: ${answers} }\n`;

  it.each([
    ['open', 'promoted'],
    ['reject', 'rolled_back'],
    ['wait', 'rolled_back'],
    ['fail', 'rolled_back'],
    ['silent', 'rolled_back'],
    ['[{ answer: wait }, { at: 5m, answer: open }]', 'promoted'],
  ])('that answer %s: %s', (answers, outcome) => {
    expect(simulated(asked, world(answers)).outcome).toBe(outcome);
  });
});

it('windows of a plan go by the clock of the world', () => {
  const nights = stepsOf(
    '      - { weight: 50, hold: 1m }\n',
    '  deadline: 20h\n  windows: { zone: UTC, open: [{ days: [mon], from: "22:00", to: "23:00" }] }\n',
  );
  const run = simulated(nights, `${STEADY}starts: 2026-01-05T10:00:00Z\n`);
  expect(run.outcome).toBe('promoted');
  expect(run.tookMs).toBeGreaterThan(12 * 3_600_000);
});

it('testers and copies: pinned requests are users of the canary, copies are nobody', () => {
  const pinned = stepsOf(
    '      - { weight: 0, hold: 2m, matches: [{ headers: [{ name: x-tester, type: Present }] }] }\n',
  );
  const run = simulated(pinned, `${STEADY}testers: 0.1\n`);
  expect(run.toll.canary).toBeGreaterThan(200 * 120 * 0.08);
  expect(run.toll.canary).toBeLessThan(200 * 140 * 0.12);
  const dark = stepsOf('      - { weight: 0, hold: 2m, mirror: { percent: 50 } }\n');
  // All that reaches it as a user comes in the moment of the promotion.
  expect(simulated(dark, STEADY).toll.canary).toBeLessThan(200);
});

it('the same seed plays the same run, whatever it is; another one does not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
      const run = simulated(PLAIN, STEADY, seed);
      expect(simulated(PLAIN, STEADY, seed)).toEqual(run);
      expect(simulated(PLAIN, STEADY, seed + 1).toll).not.toEqual(run.toll);
    }),
    { numRuns: 5 },
  );
});
