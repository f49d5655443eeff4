import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type FuzzReport, fuzz, nameOf } from './fuzz.ts';

/**
 * Random bytes at every border, each in a process of its own: nothing may end the process, hold the event loop for
 * more than 250 ms, grow without bounds, or get a wrong answer. `npm run fuzz [-- --target yaml --seconds 60 --seed 1]`;
 * what is found is kept, as small as it got, in the corpus of its target.
 */
const TARGETS = ['yaml', 'http', 'webhook', 'prometheus', 'xds', 'records'] as const;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '30' },
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
  },
});
const wanted = TARGETS.filter((target) => values.target === undefined || target === values.target);
const [seconds, inputs] = [Number(values.seconds), Number(values.inputs)];
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (wanted.length === 0 || ![seconds, inputs, seed].every((number) => Number.isFinite(number) && number >= 0)) {
  console.error(`usage: fuzz [--target ${TARGETS.join('|')}] [--seconds N] [--inputs N] [--seed N]`);
  process.exit(2);
}
console.log(`seed ${seed}\n${'target'.padEnd(12)} inputs   taken  longest ms  RSS MiB  findings`);
const reports: ({ readonly target: string } & Omit<FuzzReport, 'findings'> & { readonly findings: number })[] = [];
for (const target of wanted) {
  const corpus = here(`./corpus/${target}`);
  const { findings, ...report } = await fuzz({ module: here(`./targets/${target}.ts`), corpus, seed, inputs, seconds });
  const cells = [report.inputs, report.taken, report.longestMs, report.rssMb, findings.length];
  console.log(
    `${target.padEnd(12)} ${cells.map((cell, i) => String(cell).padStart([6, 7, 11, 8, 9][i] ?? 0)).join(' ')}`,
  );
  mkdirSync(corpus, { recursive: true });
  for (const finding of findings) {
    const file = join(corpus, nameOf(finding));
    writeFileSync(file, finding.input);
    console.log(
      `  ${finding.kind} by ${finding.input.length} bytes, kept as ${file}\n    ${finding.detail.slice(0, 1_000)}`,
    );
  }
  reports.push({ target, ...report, findings: findings.length });
}
const found = reports.reduce((sum, { findings }) => sum + findings, 0);
console.log(JSON.stringify({ seed, findings: found, targets: reports }));
process.exit(found > 0 ? 1 : 0);
