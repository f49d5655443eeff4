import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Undo } from '../../test/support/installation.ts';
import { seeded } from '../../test/support/random.ts';
import { percentile } from '../bench/percentile.ts';
import type { FaultFigures, KindFigures } from '../docs/last-figures.ts';
import { crashesOf, type Fault } from './fault-deck.ts';
import type { Plant } from './plant.ts';
import { startRun } from './run.ts';

/** The goal for the time until somebody acts again. */
const SLOW_MS = 5_000;

/** Rollouts go on without a pause while everything under them is killed; what was seen is checked at the end. */
export async function runFaults(options: {
  readonly deck: readonly Fault[];
  readonly seed: number;
  readonly program: readonly string[];
  readonly undo: Undo[];
  readonly say: (line: string) => void;
}): Promise<{ readonly report: FaultFigures; readonly violations: readonly string[] }> {
  const { deck, seed, program, undo, say } = options;
  const run = await startRun({ seed, random: seeded(seed), program, undo, say });
  const recoveries: number[] = [];
  const hits: Record<string, number> = {};
  const byKind = new Map<Fault['kind'], (readonly (number | null)[])[]>();
  const crashes = deck.reduce((sum, fault) => sum + crashesOf(fault), 0);
  let done = 0;
  for (const fault of deck) {
    const startedMs = performance.now();
    const { recoveries: times, at } = await run.inject(fault);
    done += crashesOf(fault);
    const name = at === null ? fault.kind : `${fault.kind} ${at}`;
    hits[name] = (hits[name] ?? 0) + 1;
    byKind.set(fault.kind, [...(byKind.get(fault.kind) ?? []), times]);
    for (const ms of times) {
      if (ms === null) run.violation(`after ${name} nobody acted within 30 s`);
      else recoveries.push(ms);
    }
    if (times.some((ms) => ms !== null && ms > SLOW_MS))
      say(`slow: what the replicas said is in ${keepLogs(run.plant, done)}`);
    const tookMs = Math.round(performance.now() - startedMs);
    say(`${done}/${crashes} ${name}: acts again after ${times.join(', ') || '–'} ms (${tookMs} ms in all)`);
  }
  const { history, messages, served } = await run.conclude();
  const report: FaultFigures = {
    crashes: done,
    violations: run.violations.length,
    recoveryMsP50: Math.round(percentile(recoveries, 0.5)),
    recoveryMsP99: Math.round(percentile(recoveries, 0.99)),
    duplicatedNotifications: messages.duplicated,
    lostNotifications: messages.lost,
    rollouts: history.rollouts.length,
    requests: served,
    stalls: history.stalls.length,
    stalledMs: history.stalls.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0),
    points: Object.fromEntries(Object.entries(hits).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    kinds: Object.fromEntries([...byKind].map(([kind, found]) => [kind, figuresOf(found)])),
    rolloutKinds: countBy(history.rollouts.map(({ kind }) => kind)),
    seed,
  };
  return { report, violations: run.violations };
}

function figuresOf(found: readonly (readonly (number | null)[])[]): KindFigures {
  const times = found.flat().filter((ms) => ms !== null);
  const isNone = times.length === 0;
  return {
    times: found.length,
    recoveryMsP50: isNone ? null : Math.round(percentile(times, 0.5)),
    recoveryMsMax: isNone ? null : Math.round(Math.max(...times)),
  };
}

function countBy<T extends string>(all: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const one of all) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

function keepLogs({ engines }: Plant, crash: number): string {
  const file = join(tmpdir(), `serin-fault-slow-${crash}.log`);
  writeFileSync(file, engines.map((seat) => `${seat.name}\n${seat.process()?.output()}`).join('\n'));
  return file;
}
