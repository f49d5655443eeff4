import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { binaryPath } from '../support/binaries.ts';
import { fences, PAGES } from '../support/markdown.ts';

const blocks = PAGES.flatMap(fences).filter(
  ({ language, text }) => language === 'yaml' && /^scrape_configs:/m.test(text),
);

it('are found', () => {
  expect(blocks.map(({ at }) => at.replace(/:\d+$/, ''))).toEqual(
    expect.arrayContaining(['README.md', 'docs/guides/README.md']),
  );
});

it.each(blocks.map(({ at, text }) => [at, text]))(
  'the scrape configuration of %s is one that Prometheus takes',
  (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'serin-docs-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'prometheus.yml');
    // Secrets of a machine that is not this one.
    writeFileSync(file, text.replaceAll(/\/run\/[\w./-]+/g, file));
    const run = spawnSync(binaryPath('promtool'), ['check', 'config', file], { encoding: 'utf8', timeout: 20_000 });
    expect([run.status, run.stderr + run.stdout]).toEqual([0, expect.stringContaining('SUCCESS')]);
  },
);
