import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds what users run, in `dist/`: for the integration tests once before all of them, and for benchmarks. */
export default function build(): void {
  const tsc = join('node_modules', '.bin', 'tsc');
  const built = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { encoding: 'utf8', timeout: 120_000 });
  if (built.status === 0) return;
  throw new Error(`serin cannot be built: ${built.stdout ?? ''}${built.stderr ?? ''}${built.error?.message ?? ''}`);
}
