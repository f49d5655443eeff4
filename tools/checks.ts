import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm test`: every check, then every test. The last line has the true totals: each check counts as one,
 * each test of vitest as one. `--fast` leaves the integration tests out (`npm run check`).
 */
const fast = process.argv.includes('--fast');
let passed = 0;
let failed = 0;

const CHECKS: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '--noEmit'],
  ['format and lint', 'biome', 'ci', '--error-on-warnings', '--diagnostic-level=warn', '.'],
  ['promises and switches', 'oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'tools'],
  ['layers', 'tsx', 'tools/check-layers.ts'],
  ['unused code', 'knip', '--no-progress'],
  ['protobuf bundle', 'tsx', 'tools/proto-bundle.ts', '--check'],
];

for (const [name, command, ...args] of CHECKS) {
  const startedMs = performance.now();
  const done = spawnSync(join('node_modules', '.bin', command), args, { encoding: 'utf8', timeout: 300_000 });
  const ok = done.status === 0;
  const took = `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${took})`);
  if (!ok) console.log(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`);
  if (ok) passed += 1;
  else failed += 1;
}

const folder = mkdtempSync(join(tmpdir(), 'serin-checks-'));
const report = join(folder, 'vitest.json');
const vitest = spawn(
  join('node_modules', '.bin', 'vitest'),
  [
    'run',
    ...(fast ? ['--project', 'unit'] : []),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ],
  { stdio: ['ignore', 'inherit', 'inherit'], timeout: 840_000 },
);
// Told to end, the tests have servers to end first.
process.on('SIGTERM', () => vitest.kill('SIGTERM'));
const status = await new Promise<number | null>((resolve) => {
  vitest.once('error', () => resolve(null));
  vitest.once('exit', resolve);
});
try {
  const totals = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number };
  passed += totals.numPassedTests;
  failed += totals.numFailedTests;
} catch {
  failed += 1;
}
// A file that cannot even be loaded fails no single test; the run has failed all the same.
if (status !== 0 && failed === 0) failed += 1;
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
