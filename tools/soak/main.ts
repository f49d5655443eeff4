import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runTool } from '../fault/run-tool.ts';
import { runSoak } from './run-soak.ts';

/**
 * `npm run soak [-- --minutes M --seed S]`: the plant of the crash harness for a while, everything that could leak
 * measured. What is checked: docs/reliability.md. The last line is one JSON object.
 */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes >= 1 && minutes <= 1_440) || !Number.isSafeInteger(seed)) {
  console.error('--minutes is a number from 1 to 1440, --seed a whole number');
  process.exit(2);
}
await runTool('the soak', async ({ undo, say, program }) => {
  const collecting = ['--expose-gc', '--import', resolve('tools/soak/collect.mjs'), program];
  const { report, violations } = await runSoak({ minutes, seed, program: collecting, undo, say });
  for (const words of violations) console.log(`violation: ${words}`);
  console.table(report.growth);
  console.log(JSON.stringify(report));
  return violations;
});
