import { describe, expect, it } from 'vitest';
import { checkReferences } from '../../../src/core/manifest/check-references.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';
import { shippedStrategies } from '../../../src/platform/strategy-files.ts';

const library = shippedStrategies();
const parse = (...texts: string[]) =>
  parseDocuments(
    texts.map((text, i) => ({ file: `f${i}.yaml`, text })),
    library,
  );

function document(kind: string, name: string, spec: string): string {
  return `apiVersion: serin.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n${spec.replaceAll(/^/gm, '  ')}\n`;
}
const plan = (strategy: string, more = '') =>
  document('Plan', 'checkout', `backend: checkout\nstrategy:\n${strategy.replaceAll(/^/gm, '  ')}\n${more}`);
const steps = (...lines: string[]) => plan(`steps:\n${lines.map((line) => `  - ${line}`).join('\n')}`);

function errorsOf(...texts: string[]): string[] {
  const parsed = parse(...texts);
  return parsed.kind === 'error' ? parsed.errors.map(formatError) : [];
}
function only(text: string): unknown {
  const parsed = parse(text);
  if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
  return parsed.value[0]?.document.spec;
}

describe('errors', () => {
  it('of each step that a strategy makes are one where they say the same of the same place', () => {
    const errors = errorsOf(plan('use: canary\nwith: { weights: [10, 50] }', 'variants: [green]\ndeadline: 1h'));
    expect(errors).toEqual([expect.stringContaining('green would get nothing')]);
  });

  it('all of all files are listed at once, each with place, path, what was expected and what was meant', () => {
    const errors = errorsOf(
      document('Plan', 'checkout', 'backnd: checkout\nstrategy: { use: canry }\ndeadline: 5'),
      document('Rout', 'shop', 'fleet: edge'),
      document('Backend', 'Check_out', 'protocol: http'),
    );
    expect(errors).toEqual([
      expect.stringMatching(
        /^f0\.yaml:5:3: SERIN_DOCUMENT_INVALID spec\.backnd: unknown key "backnd"\. Did you mean "backend"\?/,
      ),
      expect.stringMatching(/^f0\.yaml:5:3: SERIN_DOCUMENT_INVALID spec\.backend: expected a name/),
      expect.stringMatching(/^f0\.yaml:6:20: SERIN_UNKNOWN_REFERENCE spec\.strategy\.use: .*Did you mean "canary"\?/),
      expect.stringMatching(/^f0\.yaml:7:13: SERIN_DOCUMENT_INVALID spec\.deadline: expected a duration .*write "5s"/),
      expect.stringMatching(/^f1\.yaml:2:7: SERIN_DOCUMENT_INVALID kind: expected one of .*Did you mean "Route"\?/),
      expect.stringMatching(/^f2\.yaml:3:19: SERIN_DOCUMENT_INVALID metadata\.name: expected a name/),
      expect.stringMatching(/^f2\.yaml:5:13: SERIN_DOCUMENT_INVALID spec\.protocol: expected one of/),
    ]);
  });

  it.each([
    ['-1', 'weight'],
    ['101', 'weight'],
    ['5.555', 'weight'],
    ['.nan', 'weight'],
    ['.inf', 'weight'],
    ['1e400', 'weight'],
    ['"5%"', 'weight'],
    ['9007199254740993', 'weight'],
    ['null', 'weight'],
  ])('weight %s is refused', (weight) => {
    expect(errorsOf(steps(`weight: ${weight}`))[0]).toContain('spec.strategy.steps[0].weight: expected a percentage');
  });

  it.each([
    ['falling weights', steps('weight: 50', 'weight: 10'), 'the weight falls from 50 to 10'],
    ['no step', plan('steps: []'), 'expected at least one step'],
    ['51 steps', steps(...Array.from({ length: 51 }, () => 'weight: 1')), 'at most 50 steps'],
    ['neither use nor steps', plan('with: { hold: 5m }'), 'expected either use'],
    ['both use and steps', plan('use: canary\nsteps: [{ weight: 1 }]'), 'expected either use'],
    ['an unknown strategy', plan('use: canry'), 'Did you mean "canary"?'],
    ['an unknown parameter', plan('use: canary\nwith: { weight: [1] }'), 'Did you mean "weights"?'],
    ['a weight that is none', plan('use: canary\nwith: { weights: [5, 200] }'), 'percentages from 0 to 100'],
    ['a parameter of a wrong type', plan('use: canary\nwith: { hold: 5 }'), 'expected duration like 5m'],
    ['weights of a strategy out of order', plan('use: canary\nwith: { weights: [50, 5] }'), 'the weight falls'],
    ['a metric without a limit', plan('use: canary', 'analysis:\n  - { name: x, query: up }'), 'expected a limit'],
    [
      'crossed limits',
      plan('use: canary', 'analysis:\n  - { name: x, query: up, min: 2, max: 1 }'),
      'min is above max',
    ],
    ['an unknown analysis', plan('use: canary', 'analysis:\n  - use: eror-rate'), 'Did you mean "error-rate"?'],
    [
      'two analyses of one name',
      plan('use: canary', 'analysis:\n  - use: error-rate\n  - use: error-rate'),
      'two analyses are named',
    ],
    [
      'an unknown name in a query',
      plan('use: canary', 'analysis:\n  - { name: x, query: "f{{ canary.revison }}", max: 1 }'),
      'unknown name in',
    ],
    [
      'an open placeholder',
      plan('use: canary', 'analysis:\n  - { name: x, query: "f{{ window", max: 1 }'),
      'has no "}}"',
    ],
    [
      'look-ahead',
      steps('{ weight: 1, matches: [{ headers: [{ name: x, type: RegularExpression, value: "(?=x)" }] }] }'),
      'RE2',
    ],
    [
      'a code point that Envoy refuses',
      steps("{ weight: 1, matches: [{ headers: [{ name: x, type: RegularExpression, value: 'a\\x{100}' }] }] }"),
      'more than a byte',
    ],
    [
      'a pattern that is huge in bytes',
      steps(
        `{ weight: 1, matches: [{ headers: [{ name: x, type: RegularExpression, value: "${'é'.repeat(60)}" }] }] }`,
      ),
      'too large',
    ],
    [
      'a huge pattern',
      steps(
        `{ weight: 1, matches: [{ headers: [{ name: x, type: RegularExpression, value: "${'(a|b)'.repeat(60)}" }] }] }`,
      ),
      'too large',
    ],
    [
      'a path whose pattern is too large only beside that of a rule',
      steps(`{ weight: 1, matches: [{ path: { type: RegularExpression, value: "/${'a'.repeat(95)}" } }] }`),
      'beside the path of a rule it is given to Envoy as a pattern: the pattern is too large (105; Envoy takes 100)',
    ],
    [
      'a long path to pin by, which is a pattern to Envoy',
      steps(`{ weight: 1, matches: [{ path: { value: "/${'a'.repeat(95)}" } }] }`),
      'the pattern is too large (106; Envoy takes 100)',
    ],
    [
      'a cookie with a name too long for a pattern',
      steps(`{ weight: 1, matches: [{ cookies: [{ name: ${'a'.repeat(80)}, type: Present }] }] }`),
      'the pattern is too large (101; Envoy takes 100)',
    ],
    [
      'a pseudo-header',
      steps('{ weight: 1, matches: [{ headers: [{ name: ":path", value: x }] }] }'),
      'expected the name of a header',
    ],
    [
      'the host header',
      steps('{ weight: 1, matches: [{ headers: [{ name: Host, value: x }] }] }'),
      'expected the name of a header',
    ],
    ['a match without a condition', steps('{ weight: 1, matches: [{ headers: [] }] }'), 'at least one condition'],
    [
      'a readout of users who do not stay',
      document(
        'Plan',
        'p',
        `backend: b\nstrategy: { steps: [{ weight: 5 }] }\nreadout: [{ name: x, users: 'u{r="{{ arm.revision }}"}', successes: 's{r="{{ arm.revision }}"}' }]`,
      ),
      'it needs users who stay with an arm',
    ],
    [
      'a readout that asks the same of both arms',
      document(
        'Plan',
        'p',
        'backend: b\nstrategy: { steps: [{ weight: 5 }] }\nreadout: [{ name: x, users: up, successes: up }]',
      ),
      'it is asked of each arm',
    ],
    [
      'copies for a canary that has requests of its own',
      steps('{ weight: 1, mirror: { percent: 10 } }'),
      'mirror is for weight 0',
    ],
    [
      'what happens without an approval that has no hurry',
      steps('{ weight: 1, approval: { otherwise: hold } }'),
      'it never comes to that without within',
    ],
    ['a hold of 1e9 days', steps('{ weight: 1, hold: 999999999d }'), 'expected a duration'],
    [
      'a route timeout of 0',
      document('Route', 'r', 'fleet: e\nhostnames: [a.b]\nrules: [{ name: x, backend: b, timeout: 0s }]'),
      'from 1ms to 1h',
    ],
    [
      'a hostname with a path',
      document('Route', 'r', 'fleet: e\nhostnames: [a.b/c]\nrules: [{ name: x, backend: b }]'),
      'expected a hostname',
    ],
    [
      'the same hostname twice',
      document('Route', 'r', 'fleet: e\nhostnames: [a.b, A.B]\nrules: [{ name: x, backend: b }]'),
      'stands here twice',
    ],
    [
      'a path with a query',
      document(
        'Route',
        'r',
        'fleet: e\nhostnames: [a.b]\nrules: [{ name: x, backend: b, matches: [{ path: { value: "/a?b" } }] }]',
      ),
      'a path has no',
    ],
    [
      'a bidi override in a header value',
      steps('{ weight: 1, matches: [{ headers: [{ name: x, value: "a\\u202Eb" }] }] }'),
      'not allowed',
    ],
    [
      'names as static endpoints',
      document('Backend', 'b', 'endpoints: { static: ["db.example:80"] }'),
      'names go under dns',
    ],
    ['a mistyped address', document('Backend', 'b', 'endpoints: { static: ["10.0.0.300:80"] }'), 'expected "ip:port"'],
    ['an initial revision from nowhere', document('Backend', 'b', 'initial: v1'), 'needs endpoints'],
    ['a wrong apiVersion', document('Backend', 'b', 'protocol: http1').replace('v1', 'v2'), 'expected serin.dev/v1'],
    [
      'the same document twice',
      `${document('Backend', 'b', 'protocol: http1')}---\n${document('Backend', 'b', 'protocol: http1')}`,
      'there is another Backend b',
    ],
    ['a list instead of a document', '- 1\n- 2\n', 'expected a mapping with apiVersion'],
  ])('%s', (_name, text, expected) => {
    const errors = errorsOf(text);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.join('\n')).toContain(expected);
    for (const error of errors) expect(error).toMatch(/^f0\.yaml:\d+:\d+: SERIN_/);
  });
});

describe('documents', () => {
  it('a plan gets the steps of its strategy, testers and weights together', () => {
    const spec = only(
      plan('use: header-first\nwith: { weights: [1, 5.55], hold: 90s }', 'analysis:\n  - use: error-rate'),
    );
    expect(spec).toMatchObject({
      strategy: {
        name: 'header-first',
        steps: [
          {
            name: 'testers',
            weight: 0,
            holdMs: 600_000,
            matches: [{ headers: [{ name: 'x-tester', type: 'Exact', value: 'yes' }] }],
          },
          { weight: 100, holdMs: 90_000 },
          { weight: 555, holdMs: 90_000 },
        ],
      },
      analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null, windowMs: 60_000 }],
      deadlineMs: 86_400_000,
      inconclusiveAfterMs: 600_000,
    });
  });

  it('every shipped strategy works as it stands', () => {
    for (const { name } of library.shipped) expect(errorsOf(plan(`use: ${name}`)), name).toEqual([]);
  });

  it("a user's own strategy of the same files is used, and wins over a shipped one", () => {
    const own = document(
      'Strategy',
      'canary',
      'parameters: { w: { type: weight } }\nsteps: [{ weight: "{{ w }}", name: mine }]',
    );
    const parsed = parse(`${own}---\n${plan('use: canary\nwith: { w: 7 }')}`);
    expect(parsed.kind === 'ok' && parsed.value[1]?.document.spec).toMatchObject({
      strategy: { steps: [{ name: 'mine', weight: 700 }] },
    });
  });

  it('hostnames and header names are lower-cased, types have defaults', () => {
    const route = document(
      'Route',
      'r',
      'fleet: edge\nhostnames: [Shop.Example.COM, "*.x.io"]\nrules: [{ name: a, backend: b, matches: [{ path: { value: /a }, headers: [{ name: X-A, value: "1" }] }] }]',
    );
    expect(only(route)).toEqual({
      fleet: 'edge',
      hostnames: ['shop.example.com', '*.x.io'],
      rules: [
        {
          name: 'a',
          backend: 'b',
          timeoutMs: 15_000,
          matches: [
            {
              path: { type: 'PathPrefix', value: '/a' },
              headers: [{ name: 'x-a', type: 'Exact', value: '1' }],
              queryParams: [],
            },
          ],
        },
      ],
    });
  });

  it('a backend takes IPv6, names with a revision, and fixed slots', () => {
    expect(only(document('Backend', 'b', 'endpoints: { static: ["[2001:db8::1]:80"] }'))).toMatchObject({
      endpoints: { kind: 'static', addresses: [{ host: '2001:db8::1', port: 80 }] },
    });
    expect(only(document('Backend', 'b', 'endpoints: { dns: "b-{{ revision }}.svc:80" }'))).toMatchObject({
      endpoints: { kind: 'dns', host: 'b-{{ revision }}.svc', port: 80 },
    });
  });
});

describe('references', () => {
  const known = { documents: [], fleets: ['edge'], notifiers: ['deploys'], hooks: ['load-test'] };
  const check = (text: string, more: Partial<Parameters<typeof checkReferences>[1]> = {}) => {
    const parsed = parse(text);
    if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
    return checkReferences(parsed.value, { ...known, ...more }).map(formatError);
  };

  it('names what does not exist, with its place and the nearest name', () => {
    const route = document('Route', 'r', 'fleet: egde\nhostnames: [a.b]\nrules: [{ name: x, backend: chekout }]');
    const errors = check(`${document('Backend', 'checkout', 'protocol: http1')}---\n${route}`);
    expect(errors).toEqual([
      expect.stringMatching(
        /^f0\.yaml:11:10: SERIN_UNKNOWN_REFERENCE spec\.fleet: there is no fleet "egde"\. Did you mean "edge"\?/,
      ),
      expect.stringMatching(
        /^f0\.yaml:13:31: SERIN_UNKNOWN_REFERENCE spec\.rules\[0\]\.backend: .*Did you mean "checkout"\?/,
      ),
    ]);
  });

  it('a plan of a missing backend and an unknown notifier', () => {
    expect(check(plan('use: canary', 'notify: [deploy]'))).toEqual([
      expect.stringContaining('there is no backend "checkout"'),
      expect.stringContaining('Did you mean "deploys"?'),
    ]);
  });

  it('two routes of one fleet may not claim one hostname', () => {
    const route = (name: string) =>
      document('Route', name, 'fleet: edge\nhostnames: [a.b]\nrules: [{ name: x, backend: checkout }]');
    const errors = check(
      `${document('Backend', 'checkout', 'protocol: http1')}---\n${route('one')}---\n${route('two')}`,
    );
    expect(errors[0]).toContain('has the hostname a.b already');
  });
});
