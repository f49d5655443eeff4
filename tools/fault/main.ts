import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { seeded } from '../../test/support/random.ts';
import { FIGURES } from '../docs/last-figures.ts';
import { faultDeck } from './fault-deck.ts';
import { runFaults } from './run-faults.ts';
import { runTool } from './run-tool.ts';

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
await runTool('the fault run', async ({ undo, say, program }) => {
  const { report, violations } = await runFaults({
    deck: faultDeck(Number(values.crashes), seeded(Number(values.seed))),
    seed: Number(values.seed),
    program: [program],
    undo,
    say,
  });
  for (const words of violations) console.log(`violation: ${words}`);
  console.table(report.points);
  if (values.record) writeFileSync(FIGURES, `${JSON.stringify(report, null, 2)}\n`);
  console.log(JSON.stringify(report));
  return violations;
});
