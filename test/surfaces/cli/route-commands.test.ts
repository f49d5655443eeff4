import { describe, expect, it } from 'vitest';
import { ok } from '../../../src/core/model/errors.ts';
import { commandLine } from '../../support/command-line.ts';
import { servedCli } from '../../support/served-cli.ts';

const documents = (route = '') => `
apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - name: old
      matches: [{ path: { type: Exact, value: /old } }]
      redirect: { status: 308, path: { type: ReplaceFullPath, value: / } }
    - name: checkout
      matches: [{ path: { value: /checkout } }]
      backend: shop
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  endpoints: { dns: "shop-{{ revision }}:8080" }
  initial: v41
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy:
    steps:
      - { name: testers, weight: 0, matches: [{ headers: [{ name: x-canary, type: Exact, value: always }] }] }
      - { weight: 5 }
${route}`;

const explain = (text: string, ...args: readonly string[]) =>
  commandLine('', { readStdin: () => text }).run('route', 'explain', '-f', '-', ...args);

describe('serin route explain', () => {
  it.each([
    [['--request', 'nonsense with blanks'], '"nonsense with blanks" is no request'],
    [['--request', 'GET shop.example.com/', '-H', 'nothing'], '"nothing" is no header'],
    [['--request', 'shop.example.com', '--fleet', 'other'], 'there is no fleet other'],
    [['--request', 'shop.example.com', '--step', '9'], 'the plan has no step "9"'],
    [['--request', 'shop.example.com', '--step', '1', '--plan', 'shopp'], 'there is no plan shopp'],
    [['--request', 'shop.example.com', '--step', '1', '--revision', 'v41'], 'revision v41 of shop is stable already'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await explain(documents(), ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it.each([[['--plan', 'shop']], [['--revision', 'v42']]])(
    'refuses %j without a step, of which it names all',
    async (args) => {
      const { code, stderr } = await explain(documents(), '--request', 'shop.example.com', ...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--plan and --revision are for what rolls out')]);
      expect(stderr).toContain('Name a step by --step: 1 (testers), 2 (step-2); 0 comes before, promoted after.');
    },
  );

  it('says that nobody is for a host, and that no rule is for a path', async () => {
    const other = await explain(documents(), '--request', 'GET https://other.example.com/');
    expect(other.stdout).toBe('GET other.example.com/: no Route of fleet edge is for this host; Envoy answers 404.\n');
    const path = await explain(documents(), '--request', 'GET https://shop.example.com/x');
    expect(path.stdout).toContain('no rule is for it; Envoy answers 404');
    expect(path.stdout).toMatch(/checkout +the path is not at or below \/checkout/);
  });

  it('says that Envoy answers by itself', async () => {
    const { stdout } = await explain(documents(), '--request', 'shop.example.com/old');
    expect(stdout).toContain('rule old\n  Envoy sends the client elsewhere (308)');
  });

  it('asks for the fleet where several take the request', async () => {
    const second =
      '---\napiVersion: serin.dev/v1\nkind: Route\nmetadata: { name: eu }\nspec: { fleet: eu, hostnames: ["*"], rules: [{ name: all, backend: shop }] }';
    const { code, stderr } = await explain(documents(second), '--request', 'shop.example.com/');
    expect([code, stderr]).toEqual([2, expect.stringContaining('Name one by --fleet: edge, eu.')]);
  });

  it('shows the chance of each arm at a step, and why a pin does not hold', async () => {
    const { stdout } = await explain(documents(), '--request', 'GET shop.example.com/checkout/1', '--step', '2');
    expect(stdout).toMatch(/95 % +shop v41 +stable +shop--v41-\w+\n +5 % +shop canary +canary/);
    const pinned = await explain(documents(), '--request', 'shop.example.com/checkout', '--step', 'testers');
    expect(pinned.stdout).toContain('the header x-canary is not there');
  });

  it('tells scripts the same', async () => {
    const asked = ['--request', 'shop.example.com/checkout', '-H', 'x-canary: always', '--step', '1', '-o', 'json'];
    const { code, stdout } = await explain(documents(), ...asked, '--revision', 'v42');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      fleet: 'edge',
      host: { route: 'shop', hostname: 'shop.example.com' },
      rule: 'checkout',
      match: 0,
      answer: 'forward',
      status: null,
      arms: [
        {
          backend: 'shop',
          revision: 'v42',
          arm: 'canary',
          cluster: expect.stringMatching(/^shop--v42-\w+--pin$/),
          probability: 1,
          pinned: true,
        },
      ],
      envoyRoute: 'checkout-0-pin-0',
      passed: [{ rule: 'old', envoyRoute: 'old-0', because: 'the path is not /old' }],
      patched: [],
      notes: [],
    });
  });

  it('notes what Envoy writes itself', async () => {
    const text = documents().replace(
      'value: /checkout }',
      'value: /checkout }, headers: [{ name: x-request-id, type: Present }]',
    );
    const { stdout } = await explain(text, '--request', 'shop.example.com/checkout');
    expect(stdout).toContain('Note: Envoy writes the header x-request-id itself');
  });
});

describe('serin route explain without files', () => {
  const told = {
    ...{ fleet: 'edge', host: { route: 'shop', hostname: '*' }, rule: 'all', match: 0, answer: 'forward' as const },
    ...{ status: null, envoyRoute: 'all-0', passed: [], patched: [], notes: [] },
    arms: [
      {
        ...{ backend: 'shop', revision: 'v41', arm: 'stable' as const },
        cluster: 'a',
        probability: 0.5,
        pinned: false,
      },
      {
        ...{ backend: 'shop', revision: 'v42', arm: 'canary' as const },
        cluster: 'b',
        probability: 0.5,
        pinned: false,
      },
    ],
  };

  it('asks the engine, about the present or about a rollout at a step of it', async () => {
    const { engine, cli } = await servedCli({ explain: async () => ok(told) });
    const asked = ['route', 'explain', '--request', 'GET https://shop.example.com/x', '-H', 'A: b'];
    const { code, stdout } = await cli.run(...asked);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/50 % +shop v41 +stable.*50 % +shop v42 +canary/s)]);
    await cli.run(...asked, '--rollout', 'r1', '--step', 'half', '--fleet', 'edge', '-o', 'json');
    const request = { method: 'GET', host: 'shop.example.com', path: '/x', headers: [['a', ' b']] };
    expect(engine.calls).toEqual([
      ['explain', { request, fleet: null, rollout: null, step: null }],
      ['explain', { request, fleet: 'edge', rollout: 'r1', step: 'half' }],
    ]);
  });

  it.each([
    ['what the engine knows itself', ['--stable', 'v1'], '--plan, --revision and --stable are for files'],
    [
      'what the engine knows itself',
      ['--step', '1', '--plan', 'shop'],
      '--plan, --revision and --stable are for files',
    ],
    ['a rollout and files', ['--rollout', 'r1', '-f', '-'], '--rollout is one of an engine, and files are named'],
  ])('refuses %s', async (_, args, message) => {
    const { engine, cli } = await servedCli();
    const { code, stderr } = await cli.run('route', 'explain', '--request', 'shop.example.com', ...args);
    expect([code, stderr, engine.calls]).toEqual([2, expect.stringContaining(message), []]);
  });
});
