import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { stopAll } from '../../test/support/processes.ts';
import { seeded } from '../../test/support/random.ts';
import { FIGURES } from '../docs/reliability-page.ts';
import { faultDeck } from './fault-deck.ts';
import { runFaults } from './run-faults.ts';

/**
 * `npm run fault [-- --crashes N --seed S --record]`: real replicas, a real store and real Envoys, killed over and over while
 * rollouts go on. What is promised and what is checked: docs/reliability.md. The last line is one JSON object.
 */
const { values } = parseArgs({
  options: {
    crashes: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    /** Keeps the figures for docs/reliability.md. */
    record: { type: 'boolean', default: false },
  },
});
const undo: Undo[] = [];
const say = (line: string): void => void process.stderr.write(`${line}\n`);
let ending: Promise<void> | null = null;
const end = (): Promise<void> => {
  ending ??= undoAll(undo, say).then(stopAll);
  return ending;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void end().then(() => process.exit(130)));
}

const built = spawnSync(join('node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(1);
try {
  const { report, violations } = await runFaults({
    deck: faultDeck(Number(values.crashes), seeded(Number(values.seed))),
    seed: Number(values.seed),
    program: [resolve('dist/main.js')],
    undo,
    say,
  });
  for (const words of violations) console.log(`violation: ${words}`);
  console.table(report.points);
  if (values.record) writeFileSync(FIGURES, `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
  process.exitCode = violations.length === 0 ? 0 : 1;
} catch (error) {
  if (ending === null) {
    say(`the fault run failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
} finally {
  await end();
}
