import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The layer check, with the guard that it really saw the modules: without a parser it would pass on nothing. */
const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const done = spawnSync(
  join('node_modules', '.bin', 'depcruise'),
  ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'],
  { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 << 20 },
);
const { modules, summary } = JSON.parse(done.stdout) as {
  modules: { source: string; dependencies: unknown[] }[];
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
};
const seen = modules.filter(({ source }) => source.startsWith('src/'));
const linked = seen.reduce((sum, { dependencies }) => sum + dependencies.length, 0);
if (seen.length < files.length || linked < files.length) {
  console.error(`saw ${seen.length} of ${files.length} modules and ${linked} imports: the check is blind`);
  process.exit(1);
}
for (const { from, to, rule } of summary.violations) console.error(`${rule.name}: ${from} → ${to}`);
process.exitCode = summary.violations.length === 0 ? 0 : 1;
