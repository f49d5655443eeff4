import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { binaryPath } from '../support/binaries.ts';
import { anchors, code, headings, page, rows, section } from '../support/markdown.ts';

const RULES = 'deploy/prometheus/alerts.yaml';
const TESTS = 'deploy/prometheus/alerts.test.yaml';
const RUNBOOKS = 'docs/runbooks.md';

const RuleFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Serin[A-Za-z]+$/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.strictObject({ summary: z.string().max(120), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
});
const TestFile = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).nullish() })),
    }),
  ),
});

/** Where the repository is read is for users to say. */
const DOCS = '{{ $externalLabels.serin_docs }}';
const alerts = RuleFile.parse(load(readFileSync(RULES, 'utf8'))).groups.flatMap(({ rules }) => rules);
const runbooks = alerts.map(({ alert, annotations }) => ({ alert, url: annotations.runbook_url.replace(DOCS, '') }));

function promtool(...args: readonly string[]) {
  return spawnSync(binaryPath('promtool'), args, { encoding: 'utf8', timeout: 30_000 });
}

describe('the alert rules', () => {
  it('are rules of Prometheus', () => {
    const run = promtool('check', 'rules', RULES);
    expect(run.stderr + run.stdout).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });

  it('fire and stay silent as their tests say', () => {
    const run = promtool('test', 'rules', TESTS);
    expect(run.stderr + run.stdout).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });

  it('have each a test in which they fire and one in which they do not', () => {
    const tested = TestFile.parse(load(readFileSync(TESTS, 'utf8'))).tests.flatMap((one) => one.alert_rule_test);
    const names = (fires: boolean) =>
      new Set(tested.filter(({ exp_alerts }) => (exp_alerts ?? []).length > 0 === fires).map((one) => one.alertname));
    const wanted = alerts.map(({ alert }) => alert).toSorted();
    expect([...names(true)].toSorted()).toEqual(wanted);
    expect([...names(false)].toSorted()).toEqual(wanted);
  });

  it('look at metrics that there are', () => {
    const documented = new Set(rows(section('docs/api.md', 'Metrics')).flatMap(([name = '']) => code(name)));
    const used = alerts.flatMap(({ expr }) => expr.match(/serin_\w+/g) ?? []);
    expect(used.map((name) => name.replace(/_bucket$/, '')).filter((name) => !documented.has(name))).toEqual([]);
  });

  it('let users say where the runbooks are read', () => {
    expect(alerts.filter(({ annotations }) => !annotations.runbook_url.startsWith(DOCS))).toEqual([]);
  });

  it('lead to a runbook each, and every runbook is one of an alert', () => {
    const used = runbooks.map(({ url }) => url);
    expect(used.filter((url) => !anchors(RUNBOOKS).some((anchor) => url === `${RUNBOOKS}#${anchor}`))).toEqual([]);
    const level2 = headings(RUNBOOKS).filter((text) => page(RUNBOOKS).includes(`\n## ${text}\n`));
    expect(new Set(used).size).toBe(level2.length);
  });
});

describe(RUNBOOKS, () => {
  it('begins each runbook with what to run', () => {
    const parts = page(RUNBOOKS).split(/^## /m).slice(1);
    expect(parts.filter((part) => !/^[^\n]+\n\n```sh\n/.test(part)).map((part) => part.split('\n')[0])).toEqual([]);
  });

  it('names the alerts that lead there', () => {
    for (const { alert, url } of runbooks) {
      const heading = headings(RUNBOOKS)[anchors(RUNBOOKS).indexOf(url.split('#')[1] ?? '')] ?? '';
      expect(section(RUNBOOKS, heading), heading).toContain(`\`${alert}\``);
    }
  });
});
