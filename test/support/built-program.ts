import { spawnSync } from 'node:child_process';

/** Builds what users run, in `dist/`: for the integration tests once before all of them, and for benchmarks. */
export default function build(): void {
  const built = spawnSync(process.execPath, ['tools/build.mjs'], { encoding: 'utf8', timeout: 120_000 });
  if (built.status === 0) return;
  throw new Error(`serin cannot be built: ${built.stdout ?? ''}${built.stderr ?? ''}${built.error?.message ?? ''}`);
}
