import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { type CommandLineOptions, commandLine } from '../../../support/command-line.ts';

const BACKEND = `---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { endpoints: { static: ["192.0.2.7:8080"] }, initial: { revision: v41, endpoints: { static: ["192.0.2.6:8080"] } } }
`;

const ROUTES = `---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: [shop.example.com], rules: [{ name: all, backend: shop, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: inside }
spec: { fleet: mesh, hostnames: [shop.internal], rules: [{ name: all, backend: shop, timeout: 5s }] }
`;

const PLAN = `---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy:
    steps:
      - { name: dark, weight: 0, mirror: { percent: 10 } }
      - { name: testers, weight: 0, matches: [{ headers: [{ name: x-tester, value: "yes" }] }] }
      - { weight: 5 }
`;

const compile = (text: string, args: readonly string[] = [], options: CommandLineOptions = {}) =>
  commandLine('', { readStdin: () => text, ...options }).run('plan', 'compile', '-', ...args);

const ALL = ROUTES + BACKEND + PLAN;

interface Compiled {
  readonly step: number | string;
  readonly name: string | null;
  readonly fleet: string;
  readonly verify?: unknown;
  readonly resources: {
    readonly clusters: readonly { readonly name: string }[];
    readonly endpoints: readonly { readonly clusterName: string }[];
    readonly routes: readonly { readonly name: string }[];
  };
}

async function compiled(text: string, ...args: readonly string[]): Promise<readonly Compiled[]> {
  const { code, stdout, stderr } = await compile(text, ['-o', 'json', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Compiled);
}

describe('serin plan compile refuses', () => {
  it.each([
    [
      'mistakes, at their places',
      `${ROUTES}${BACKEND}${PLAN}  deadlin: 2h\n`,
      [],
      /^-:\d+:3: SERIN_DOCUMENT_INVALID .*deadlin/,
    ],
    ['files without the plan', ROUTES + BACKEND, [], /these files have no plan/],
    ['files without the backend', ROUTES + PLAN, [], /the files have no Backend shop, which plan shop rolls out/],
    ['files without a route to it', BACKEND + PLAN, [], /no Route in the files sends requests to backend shop/],
    ['a plan of another name', ALL, ['--plan', 'shopp'], /there is no plan shopp .*Did you mean "shop"\?/],
    ['a step that there is not', ALL, ['--step', '4'], /no step "4".*1 \(dark\), 2 \(testers\), 3 \(step-3\)/],
    [
      'two routes of one fleet with one host',
      ALL.replace('mesh', 'edge').replace('.internal', '.example.com'),
      [],
      /also claimed by route\/.*cannot be in force together/,
    ],
  ])('%s', async (_, text, args, message) => {
    const { code, stdout, stderr } = await compile(text, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  it('YAML anywhere else', async () => {
    const { code, stderr } = await commandLine('').run('plan', 'validate', '-', '-o', 'yaml');
    expect([code, stderr]).toEqual([2, expect.stringContaining('Allowed choices are table, json')]);
  });
});

describe('serin plan compile', () => {
  it('says in a line what each step is to each fleet', async () => {
    const { code, stdout } = await compile(ALL, ['--revision', 'v42']);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
      ['STEP', 'FLEET', 'WEIGHTS', 'PINNED', 'MIRRORED'],
      ['0 (before)', 'edge', 'v41 100 %', '-', '-'],
      ['0 (before)', 'mesh', 'v41 100 %', '-', '-'],
      ['1 (dark)', 'edge', 'v41 100 %, v42 0 %', '-', 'v42 10 %'],
      ['1 (dark)', 'mesh', 'v41 100 %, v42 0 %', '-', 'v42 10 %'],
      ['2 (testers)', 'edge', 'v41 100 %, v42 0 %', 'v42 by header x-tester = yes', '-'],
      ['2 (testers)', 'mesh', 'v41 100 %, v42 0 %', 'v42 by header x-tester = yes', '-'],
      ['3 (step-3)', 'edge', 'v41 95 %, v42 5 %', '-', '-'],
      ['3 (step-3)', 'mesh', 'v41 95 %, v42 5 %', '-', '-'],
      ['promoted', 'edge', 'v41 0 %, v42 100 %', '-', '-'],
      ['promoted', 'mesh', 'v41 0 %, v42 100 %', '-', '-'],
    ]);
    expect(lines[1]).toMatch(/shop--v41-\w+, shop--v42-\w+, shop--v42-\w+--pin$/);
  });

  it('prints what Envoys get, a document per step and fleet, in order', async () => {
    const all = await compiled(ALL);
    expect(all.map(({ step, name, fleet }) => [step, name, fleet])).toEqual(
      [
        [0, null],
        [1, 'dark'],
        [2, 'testers'],
        [3, 'step-3'],
        ['promoted', null],
      ].flatMap(([step, name]) => [
        [step, name, 'edge'],
        [step, name, 'mesh'],
      ]),
    );
    for (const { fleet, resources } of all) {
      expect(resources.routes.map(({ name }) => name)).toEqual([fleet]);
      expect(resources.clusters).toHaveLength(3);
      expect(resources.endpoints).toHaveLength(2);
    }
    expect(await compiled(ALL)).toEqual(all);
  });

  it('writes them as Envoy reads them: durations, wrappers and the names of enums', async () => {
    const [step] = await compiled(ALL, '--step', '3');
    expect(step?.resources.clusters[1]).toMatchObject({
      connectTimeout: expect.stringMatching(/^[\d.]+s$/),
      type: 'EDS',
    });
    expect(JSON.stringify(step?.resources.routes)).toContain('"weight":9500');
    expect(JSON.stringify(step?.resources.routes)).toContain('"timeout":"5s"');
  });

  it('takes a step by name, and the end', async () => {
    expect((await compiled(ALL, '--step', 'testers')).map(({ step }) => step)).toEqual([2, 2]);
    expect((await compiled(ALL, '--step', 'promoted')).map(({ step }) => step)).toEqual(['promoted', 'promoted']);
  });

  it('is no other in a fleet that the plan has nothing to do with', async () => {
    const other = ROUTES.replace('backend: shop, timeout: 5s', 'respond: { status: 204 }');
    expect((await compiled(other + BACKEND + PLAN, '--step', '1')).map(({ fleet }) => fleet)).toEqual(['mesh']);
  });

  it('writes YAML in which a text stays a text to Envoy', async () => {
    const { code, stdout } = await compile(ALL, ['-o', 'yaml', '--step', 'testers']);
    const documents = stdout
      .split(/^---\n/m)
      .slice(1)
      .map((text) => load(text));
    expect(code).toBe(0);
    expect(documents).toEqual(await compiled(ALL, '--step', 'testers'));
    expect(stdout).toContain('exact: "yes"');
  });

  it('tells users by the cookies of steps before', async () => {
    const sticky = PLAN.replace(
      /steps:\n[\s\S]*/,
      'steps: [{ weight: 10, sticky: { cookie: {} } }, { weight: 20, sticky: { cookie: {} } }]\n',
    );
    const [step] = await compiled(ROUTES + BACKEND + sticky, '--step', '2');
    expect(JSON.stringify(step?.resources.routes)).toMatch(/\.s1000\b.*\.s2000\b/);
  });
});

describe('serin plan compile --verify', () => {
  const answers = (...refusals: readonly (string | null)[]) => {
    const asked: { readonly bootstrap: object; readonly binary: string | null }[] = [];
    const askEnvoy: CommandLineOptions['askEnvoy'] = async (bootstrap, { binary }) => {
      asked.push({ bootstrap, binary });
      return { kind: 'ok', value: { refusal: refusals[asked.length - 1] ?? null } };
    };
    return { asked, askEnvoy };
  };

  it('says that there is no Envoy, before anything is printed', async () => {
    const askEnvoy: CommandLineOptions['askEnvoy'] = async () => ({
      kind: 'error',
      errors: [{ code: 'SERIN_REQUEST_INVALID', message: 'there is no envoy to ask', hint: 'Put envoy on the PATH.' }],
    });
    const { code, stdout, stderr } = await compile(ALL, ['--verify'], { askEnvoy });
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      'SERIN_REQUEST_INVALID there is no envoy to ask (Put envoy on the PATH.)\n',
    ]);
  });

  it('says which step Envoy refuses, and why', async () => {
    const { askEnvoy } = answers(null, null, 'Invalid path: /ca.pem');
    const { code, stdout, stderr } = await compile(ALL, ['--verify'], { askEnvoy });
    expect(code).toBe(2);
    expect(
      stdout
        .split('\n')
        .map((line) => line.split(/ {2,}/).slice(0, 3))
        .slice(0, 5),
    ).toEqual([
      ['STEP', 'FLEET', 'ENVOY'],
      ['0 (before)', 'edge', 'ok'],
      ['0 (before)', 'mesh', 'ok'],
      ['1 (dark)', 'edge', 'refused'],
      ['1 (dark)', 'mesh', 'ok'],
    ]);
    expect(stderr).toMatch(/^SERIN_ENVOY_REJECTED step 1 \(dark\), fleet edge: Invalid path: \/ca\.pem \(Correct/);
  });

  it('tells scripts the same', async () => {
    const { asked, askEnvoy } = answers(null, 'no');
    const { code, stdout } = await compile(ALL, ['--verify', '--envoy', './envoy', '--step', '1', '-o', 'json'], {
      askEnvoy,
    });
    const verdicts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as Compiled).verify);
    expect([code, verdicts]).toEqual([
      2,
      [
        { ok: true, reason: null },
        { ok: false, reason: 'no' },
      ],
    ]);
    expect(asked.map(({ binary }) => binary)).toEqual(['./envoy', './envoy']);
  });

  it('asks about the very clusters and routes that it prints', async () => {
    const { asked, askEnvoy } = answers();
    await compile(ALL, ['--verify', '--step', '3'], { askEnvoy });
    const [edge] = await compiled(ALL, '--step', '3');
    const text = JSON.stringify(asked[0]?.bootstrap);
    for (const resource of [
      ...(edge?.resources.clusters ?? []),
      ...(edge?.resources.routes ?? []),
      ...(edge?.resources.endpoints ?? []),
    ])
      expect(text).toContain(JSON.stringify(resource));
    expect(text).not.toContain('"rds"');
  });
});
