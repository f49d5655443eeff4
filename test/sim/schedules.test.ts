import { expect, it } from 'vitest';
import { play } from './world.ts';

const SCHEDULES = 60;

it('survives schedules of crashes, lost messages, outages and lies; `npm run sim` plays many more', {
  timeout: 300_000,
}, async () => {
  const broken: string[] = [];
  const outcomes = new Set<string>();
  let faults = 0;
  for (let seed = 1; seed <= SCHEDULES; seed += 1) {
    const played = await play({ seed, replicas: 2, rollouts: 2, nodes: 3 });
    broken.push(...played.violations.map((violation) => `seed ${seed}: ${violation}`));
    for (const phase of played.phases) outcomes.add(phase);
    faults += played.faults.length;
    if (broken.length > 10) break;
  }
  expect(broken).toEqual([]);
  // A storm that never reaches an end, or in which nothing goes wrong, would prove nothing.
  expect([...outcomes]).toEqual(expect.arrayContaining(['aborted', 'failed', 'promoted', 'rolled_back']));
  expect(faults).toBeGreaterThan(10 * SCHEDULES);
});

it('survives them where two backends are rolled out together: they are never apart', { timeout: 300_000 }, async () => {
  const broken: string[] = [];
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= SCHEDULES / 2; seed += 1) {
    const played = await play({ seed, replicas: 2, rollouts: 3, nodes: 3, joint: true });
    broken.push(...played.violations.map((violation) => `seed ${seed}: ${violation}`));
    for (const phase of played.phases) outcomes.add(phase);
    if (broken.length > 10) break;
  }
  expect(broken).toEqual([]);
  expect([...outcomes]).toEqual(expect.arrayContaining(['aborted', 'promoted', 'rolled_back']));
});

it('survives them where several revisions are tested at once', { timeout: 300_000 }, async () => {
  const broken: string[] = [];
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= SCHEDULES / 2; seed += 1) {
    const played = await play({ seed, replicas: 2, rollouts: 2, nodes: 3, variants: true });
    broken.push(...played.violations.map((violation) => `seed ${seed}: ${violation}`));
    for (const phase of played.phases) outcomes.add(phase);
    if (broken.length > 10) break;
  }
  expect(broken).toEqual([]);
  expect([...outcomes]).toEqual(expect.arrayContaining(['aborted', 'promoted', 'rolled_back']));
});

it('plays the same schedule for the same seed', async () => {
  const lines: string[][] = [[], []];
  for (const own of lines) {
    await play({ seed: 7, replicas: 2, rollouts: 2, nodes: 3, trace: (line) => own.push(line) });
  }
  expect(lines[0]?.length).toBeGreaterThan(50);
  expect(lines[0]).toEqual(lines[1]);
});
