import { describe, expect, it } from 'vitest';
import type { Run } from '../../../src/core/simulation/play.ts';
import { jointPlan, simulated, TESTED } from '../../support/simulated.ts';

const JOINT = jointPlan(`  strategy: { use: canary, with: { weights: [5, 25], hold: 2m } }
  analysis: [{ use: error-rate }]
  deadline: 1h
`);
const CALM = '{ requests: 200, stable: { errors: 0.002 } }';
const both = (shop: string, cart: string, more = '') => `backends:\n  shop: ${shop}\n  cart: ${cart}\n${more}`;

const partOf = (run: Run, name: string) => {
  const part = run.parts.find((one) => one.name === name);
  if (part === undefined) throw new Error(`there is no part ${name}`);
  return part.toll;
};

describe('a joint plan', () => {
  it('goes back with all its backends by the one that is bad, and its cause names it', () => {
    const run = simulated(JOINT, both(CALM, '{ requests: 100, stable: { errors: 0.002 }, canary: { errors: 0.2 } }'));
    expect(run.outcome).toBe('rolled_back');
    expect(run.because).toContain('error-rate (cart): ');
    expect(partOf(run, 'cart').failed).toBeGreaterThan(5 * partOf(run, 'cart').failedOnStable);
    expect(partOf(run, 'shop').canary).toBeGreaterThan(partOf(run, 'cart').canary);
    expect(run.toll.canary).toBe(partOf(run, 'shop').canary + partOf(run, 'cart').canary);
  });

  it('is promoted where both are well, each with requests of its own', () => {
    const run = simulated(JOINT, both(CALM, '{ requests: 50, stable: { errors: 0.002 } }'));
    expect(run).toMatchObject({ outcome: 'promoted', arm: null });
    const [shop, cart] = [partOf(run, 'shop').canary, partOf(run, 'cart').canary];
    expect(shop / cart).toBeGreaterThan(3);
    expect(shop / cart).toBeLessThan(5);
  });

  it('waits for the backend that has no requests, and goes back at its deadline', () => {
    const run = simulated(JOINT, both(CALM, '{ requests: 0, stable: { errors: 0 } }'));
    expect(run.outcome).toBe('rolled_back');
    expect(run.because).toContain('the deadline passed');
    expect(Math.max(...run.entries.map(({ weight }) => weight))).toBe(500);
  });

  it('gets no request while the hosts of one of them are not ready', () => {
    const run = simulated(JOINT, both(CALM, '{ requests: 50, stable: { errors: 0 }, canary: { ready: 3h } }'));
    expect(run).toMatchObject({ outcome: 'failed', toll: { canary: 0 } });
  });

  it('asks each of its queries of each backend', () => {
    const asks = jointPlan(
      '  strategy: { steps: [{ weight: 5, hold: 1m }] }\n  analysis: [{ name: lost, query: lost, max: 1 }]\n  deadline: 1h\n',
    );
    const own = (lost: number) => `{ requests: 50, stable: { errors: 0 }, queries: { lost: { canary: ${lost} } } }`;
    expect(simulated(asks, both(own(0), own(0))).outcome).toBe('promoted');
    const run = simulated(asks, both(own(0), own(2)));
    expect(run.outcome).toBe('rolled_back');
    expect(run.because).toContain('lost (cart)');
  });

  it('is undone as a whole', () => {
    const run = simulated(JOINT, both(CALM, CALM, 'people: { commands: [{ at: 40m, do: undo }] }\n'));
    expect(run.outcome).toBe('undone');
  });
});

describe('a test with variants', () => {
  const world = ({ green = '', lost = 0, shares = [0.1, 0.1, 0.1], more = '' } = {}) => `requests: 150
stable: { errors: 0.002 }
variants: { green: { ${green} } }
queries: { lost: { canary: 0, variants: { green: ${lost} } } }
readout:
  bought: { users: 20, stable: ${shares[0]}, canary: ${shares[1]}, variants: { green: ${shares[2]} } }
${more}`;

  it('sends all arms back by the one that is bad, and its cause names it', () => {
    const run = simulated(TESTED, world({ green: 'errors: 0.1' }));
    expect(run).toMatchObject({ outcome: 'rolled_back', arm: null });
    expect(run.because).toContain('error-rate (green): ');
    expect(partOf(run, 'green').failed).toBeGreaterThan(5 * partOf(run, 'green').failedOnStable);
  });

  it('sends them back by what a query answers of one', () => {
    expect(simulated(TESTED, world({ lost: 3 })).because).toContain('lost (green)');
  });

  it('promotes the one arm whose users do more, by itself', () => {
    const run = simulated(TESTED, world({ shares: [0.1, 0.1, 0.2] }));
    expect(run).toMatchObject({ outcome: 'promoted', arm: 'green', because: null });
    expect(run.entries.at(-1)?.weights).toEqual({ canary: 0, green: 10_000 });
    expect(run.entries.some(({ message }) => message.startsWith('bought: green is the winner'))).toBe(true);
  });

  it('splits requests by the shares of the step', () => {
    const run = simulated(TESTED, world(), 1, 900_000);
    expect(run.outcome).toBe('held');
    for (const { toll } of run.parts) {
      expect(toll.canary / run.toll.requests).toBeGreaterThan(0.3);
      expect(toll.canary / run.toll.requests).toBeLessThan(0.36);
    }
  });

  it('where all are alike waits for a person, until the deadline goes back', () => {
    const run = simulated(TESTED, world());
    expect(run).toMatchObject({ outcome: 'rolled_back', arm: null });
    expect(run.entries.some(({ kind, message }) => kind === 'waits' && message.includes('no arm is shown'))).toBe(true);
  });

  it('of which a person names one promotes that', () => {
    const run = simulated(TESTED, world({ more: 'people: { commands: [{ at: 1h, do: promote, arm: canary }] }\n' }));
    expect(run).toMatchObject({ outcome: 'promoted', arm: 'canary' });
  });
});
