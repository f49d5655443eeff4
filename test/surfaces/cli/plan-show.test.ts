import { describe, expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

const plan = (name: string, more = '') => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: shop
  strategy: { use: canary, with: { weights: [10, 50] } }
${more}`;

const run = (text: string, ...args: readonly string[]) =>
  commandLine('http://127.0.0.1:9', { readStdin: () => text }).run('plan', 'show', '-', ...args);

describe('serin plan show', () => {
  it('shows what is wrong as plan validate does, as text and as JSON', async () => {
    const broken = plan('shop', '  deadlin: 1h\n');
    for (const output of ['table', 'json']) {
      const cli = commandLine('', { readStdin: () => broken });
      const validated = await cli.run('plan', 'validate', '-', '-o', output);
      expect(validated.code).toBe(2);
      expect(await run(broken, '-o', output)).toEqual(validated);
    }
    const yaml = await run(broken, '-o', 'yaml');
    expect(yaml).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('-:7:3: SERIN_DOCUMENT_INVALID'),
    });
  });

  it.each([
    [plan('shop'), ['--plan', 'shp'], 'there is no plan shp in these files. Did you mean "shop"?'],
    ['apiVersion: serin.dev/v1\nkind: Backend\nmetadata: { name: shop }\nspec: {}\n', [], 'these files have no plan'],
  ])('refuses what names no plan', async (text, args, message) => {
    const { code, stdout, stderr } = await run(text, ...args);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
  });

  it.each(['yaml', 'text'])('is the only command that knows -o %s', async (output) => {
    const cli = commandLine('', { readStdin: () => plan('shop') });
    const { code, stdout, stderr } = await cli.run('plan', 'validate', '-', '-o', output);
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      expect.stringMatching(new RegExp(`-o ${output} is for plan show( and plan compile)? alone`)),
    ]);
  });

  it('shows all plans of the files, or the one that is named', async () => {
    const two = `${plan('shop')}---\n${plan('cart')}`;
    expect((await run(two)).stdout.match(/^Plan \w+/gm)).toEqual(['Plan shop', 'Plan cart']);
    expect((await run(two, '--plan', 'cart')).stdout.match(/^Plan \w+/gm)).toEqual(['Plan cart']);
    expect((await run(two, '-o', 'yaml')).stdout.split('\n---\n')).toHaveLength(2);
  });

  it('tells people what is in force, and what of it nobody has written', async () => {
    const { stdout } = await run(plan('shop', '  analysis: [{ use: error-rate }]\n  deadline: 1h30m\n  bake: 10m\n'));
    expect(stdout).toBe(`Plan shop: new revisions of shop, by strategy canary
  at the least 20 minutes (all holds and the bake); 2 steps up to 50 %, then all requests

PARAMETERS
  weights  10, 50
  hold     5 minutes (default)

STEP              CANARY  HOLD                 UNTIL           APPROVAL        ANALYSES
step-1 (default)  10 %    5 minutes (default)  none (default)  none (default)  error-rate
step-2 (default)  50 %    5 minutes (default)  none (default)  none (default)  error-rate

ANALYSES of every step that gives the canary requests
  - use   error-rate
    name  error-rate (default)
    with
      count        5xx (default)
      floor        none (default)
      max          none (default)
      minRequests  200 (default)
      relative     none (default)

OTHERWISE
  judge
    name       sequential (default)
    alpha      0.01 (default)
    margin     1.25 (default)
    mde        5 (default)
    skipAfter  none (default)
  deadline           1 hour 30 minutes
  inconclusiveAfter  10 minutes (default)
  onInconclusive     rollback (default)
  nodataTimeout      5 minutes (default)
  windows            always open (default)
  bake               10 minutes
  keepWarm           the engine's timing.retireAfter (default)
  ackTimeout         30 seconds (default)
  onLaggard          hold (default)
  onNewRevision      reject (default)
  onRollback
    closeStreamsAfter  none (default)
  notify             none (default)
`);
    expect((await run(plan('shop'), '-o', 'text')).stdout).toBe((await run(plan('shop'))).stdout);
  });

  it('says who lets a step go, what it waits for and who is pinned', async () => {
    const steps = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy:
    steps:
      - name: testers
        weight: 0
        matches: [{ headers: [{ name: X-Tester, value: "1" }] }]
        approval: { by: [ann, bob], within: 2h }
      - { weight: 25, hold: 90s, until: { requests: 500, atMost: 1h }, analysis: [{ name: up, query: up, min: 1 }] }
`;
    const { stdout } = await run(steps);
    expect(stdout).toContain(
      'at the least 1 minute 30 seconds (all holds); 2 steps up to 25 %, then all requests; 1 approval',
    );
    expect(stdout).toMatch(
      /^testers +0 % +0 seconds \(default\) .* by ann or bob within 2 hours, otherwise rollback +none$/m,
    );
    expect(stdout).toMatch(/^step-2 \(default\) +25 % .*500 requests, 1 hour at most +none \(default\) +up$/m);
    expect(stdout).toContain('STEP testers\n  matches\n    - headers\n');
    expect(stdout).toMatch(/type +Exact \(default\)/);
    expect(stdout).toContain('ANALYSES  none: only time and people hold it (default)');
    const asking = await run(steps.replace('hold: 90s', 'webhook: { target: checks }'));
    expect(asking.stdout).toContain('ANALYSES  none: only time, hooks and people hold it (default)');
  });

  it('says when it may go on', async () => {
    const windows = '  windows: { zone: Europe/Berlin, open: [{ days: [mon, fri], from: "09:00" }] }\n';
    const { stdout } = await run(plan('shop', windows));
    expect(stdout).toMatch(/^ {2}windows\n +zone +Europe\/Berlin\n +open\n +- days +mon, fri\n/m);
    expect(stdout).toMatch(/^ +from +09:00\n +to +24:00 \(default\)\n +freezes +none \(default\)$/m);
    expect((await run(plan('shop'))).stdout).toMatch(/^ {2}windows +always open \(default\)$/m);
    const { plans } = JSON.parse((await run(plan('shop', windows), '-o', 'json')).stdout);
    expect(plans[0].spec.windows).toEqual({
      ...{ zone: 'Europe/Berlin', open: [{ days: ['mon', 'fri'], from: '09:00', to: '24:00' }] },
    });
  });

  it('says once what several steps have in common', async () => {
    const { stdout } = await run(plan('shop').replace('canary, with: { weights: [10, 50] }', 'ab-test'));
    expect(stdout.match(/^STEPS? .*/gm)).toEqual([expect.stringMatching(/^STEP +CANARY/), 'STEPS step-1 to end']);
    expect(stdout).toMatch(/^ {6}maxAge {2}1 day \(default\)$/m);
  });

  it('needs no strategy of the files any more once it is YAML', async () => {
    const own = `apiVersion: serin.dev/v1
kind: Strategy
metadata: { name: careful }
spec:
  parameters: { hold: { type: duration } }
  steps: [{ weight: 50, hold: "{{ hold }}" }]
---
${plan('shop').replace('canary, with: { weights: [10, 50] }', 'careful, with: { hold: 7m }')}`;
    const { stdout } = await run(own, '-o', 'yaml');
    expect(stdout).toContain('# The steps are those of strategy careful, with\n#   hold: 7m\n');
    const alone = commandLine('', { readStdin: () => stdout });
    expect(await alone.run('plan', 'validate', '-')).toMatchObject({ code: 0, stdout: 'Plan shop is valid\n' });
  });

  it('tells scripts the same, and which of it is a default', async () => {
    const { code, stdout } = await run(plan('shop', '  judge: { name: sequential, mde: 3 }\n'), '-o', 'json');
    const { plans } = JSON.parse(stdout) as { plans: { defaults: string[] }[] };
    expect([code, plans]).toMatchObject([
      0,
      [
        {
          name: 'shop',
          strategy: {
            name: 'canary',
            parameters: [
              { name: 'weights', value: [10, 50], default: false },
              { name: 'hold', value: '5m', default: true },
            ],
          },
          spec: {
            strategy: { steps: [{ name: 'step-1', weight: 10, hold: '5m', approve: false }, { weight: 50 }] },
            judge: { name: 'sequential', alpha: 0.01, margin: 1.25, mde: 3 },
            deadline: '1d',
          },
          steps: [
            { name: 'step-1', analyses: [] },
            { name: 'step-2', analyses: [] },
          ],
          summary: { least: '10m', steps: 2, largestWeight: 50, approvals: 0 },
        },
      ],
    ]);
    expect(plans[0]?.defaults).toEqual(expect.arrayContaining(['deadline', 'judge.alpha', 'strategy.steps[0].hold']));
    expect(plans[0]?.defaults).not.toEqual(expect.arrayContaining(['judge.mde']));
    expect(plans[0]?.defaults).not.toContain('strategy.steps[0].weight');
  });
});
