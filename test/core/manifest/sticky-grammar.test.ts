import { describe, expect, it } from 'vitest';
import { checkReferences } from '../../../src/core/manifest/check-references.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';

const document = (kind: string, name: string, spec: string) =>
  `apiVersion: serin.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
const plan = (steps: string, more = '', backend = 'shop') =>
  document('Plan', backend, `{ backend: ${backend}, strategy: { steps: ${steps} }${more} }`);
const parse = (text: string) => parseDocuments([{ file: 'f.yaml', text }], { shipped: [], stored: [] });

function errorsOf(text: string): readonly string[] {
  const parsed = parse(text);
  if (parsed.kind === 'error') return parsed.errors.map(formatError);
  const known = { documents: [], fleets: ['edge'], notifiers: [], hooks: [] };
  return checkReferences(parsed.value, known).map(formatError);
}

function stepsOf(text: string) {
  const parsed = parse(text);
  const [only] = parsed.kind === 'ok' ? parsed.value : [];
  return only?.document.kind === 'Plan' ? only.document.spec.strategy.steps : [];
}

describe('what cannot hold is refused', () => {
  it.each([
    ['a cookie to hash that nobody issues', '{ hash: { cookie: session } }', 'nobody issues this cookie'],
    ['a header that is another one each time', '{ hash: { header: X-Request-Id } }', 'differs from request to request'],
    ['both ways at once', '{ cookie: {}, hash: { header: x-user } }', 'expected either cookie or hash'],
    ['no way at all', '{}', 'expected either cookie or hash'],
    ['a header and a cookie', '{ hash: { header: x, cookie: y } }', 'expected either header or cookie'],
    ['a header that somebody issues', '{ hash: { header: x, issuedBy: application } }', 'issuedBy is for cookies'],
    ['a cookie that needs quotes', '{ cookie: { name: "a b" } }', 'expected the name of a cookie'],
  ])('%s', (_, sticky, expected) => {
    expect(errorsOf(plan(`[{ weight: 5, sticky: ${sticky} }]`)).join()).toContain(expected);
  });

  it('a cookie whose name is too long for the pattern that finds it, after a long backend', () => {
    const name = 'a'.repeat(59);
    const long = (cookie: string) => errorsOf(plan(`[{ weight: 5, sticky: { cookie: ${cookie} } }]`, '', name)).join();
    expect(long('{}')).toContain(
      `the cookie serin-${name} would have more than 64 characters: give sticky.cookie a name`,
    );
    expect(long('{ name: arm }')).not.toContain('characters');
  });

  it('a step without weight that says so itself, since nobody has an arm there', () => {
    const steps = '[{ weight: 0, sticky: { cookie: {} } }, { weight: 5, sticky: { cookie: {} } }]';
    expect(errorsOf(plan(steps))).toEqual([
      expect.stringMatching(/steps\[0\]\.sticky: at weight 0 nobody gets an arm to stay with: say sticky in steps/),
    ]);
    expect(errorsOf(plan('[{ weight: 0 }, { weight: 5 }]', ', sticky: { cookie: {} }'))).toEqual([
      expect.stringContaining('backend'),
    ]);
  });

  it('a step whose users would be told apart in another way than before', () => {
    const steps = '[{ weight: 5, sticky: { cookie: {} } }, { weight: 9, sticky: { hash: { header: x-user } } }]';
    expect(errorsOf(plan(steps))).toEqual([expect.stringMatching(/steps\[1\].*would change arms/)]);
    expect(errorsOf(plan('[{ weight: 5, sticky: { cookie: {} } }, { weight: 9 }]'))).toHaveLength(1);
  });
});

describe('on the routes that there are', () => {
  const backends = ['shop', 'cart'].map((name) => document('Backend', name, '{}')).join('---\n');
  const routes = (rules: string) => document('Route', 'web', `{ fleet: edge, hostnames: [a.b], rules: ${rules} }`);
  const all = (...documents: readonly string[]) => errorsOf([backends, ...documents].join('---\n'));
  const both = routes(
    '[{ name: both, backends: [{ name: shop, weight: 50 }, { name: cart, weight: 50 }] }, { name: x, backend: shop }]',
  );
  const apart = routes(
    '[{ name: s, matches: [{ path: { value: /s } }], backend: shop }, { name: c, matches: [{ path: { value: /c } }], backend: cart }]',
  );
  const sticky = (backend: string, how: string) => plan(`[{ weight: 5, sticky: ${how} }]`, '', backend);

  it('two backends of a host must not overwrite one cookie', () => {
    const named = '{ cookie: { name: arm } }';
    expect(all(apart, sticky('shop', named), sticky('cart', named))).toEqual([
      expect.stringMatching(/Plan|spec\.strategy.*overwrite each other's cookie arm/),
    ]);
    expect(all(apart, sticky('shop', '{ cookie: {} }'), sticky('cart', '{ cookie: {} }'))).toEqual([]);
  });

  it('a rule has one hash, whatever the number of its backends', () => {
    const [user, session] = ['{ hash: { header: x-user } }', '{ hash: { cookie: sid, issuedBy: application } }'];
    expect(all(both, sticky('shop', user), sticky('cart', session)).join()).toContain('one hash for both');
    expect(all(both, sticky('shop', user), sticky('cart', user))).toEqual([]);
    expect(all(apart, sticky('shop', user), sticky('cart', session))).toEqual([]);
  });

  it('a rule that takes cookies out of the answers leaves nobody with one', () => {
    const bare = '[{ name: s, backend: shop, headers: { response: { remove: [Set-Cookie] } } }]';
    expect(all(routes(bare), sticky('shop', '{ cookie: {} }')).join()).toContain('takes set-cookie out');
    expect(all(routes(bare), sticky('shop', '{ hash: { header: x-user } }'))).toEqual([]);
    // No step splits requests, so nobody would get one anyway.
    const never = plan('[{ weight: 0, hold: 1m }, { weight: 100 }]', ', sticky: { cookie: {} }');
    expect(all(routes(bare), never)).toEqual([]);
  });
});

describe('a plan', () => {
  it('says it for all steps that have no word of their own', () => {
    const steps = stepsOf(plan('[{ weight: 0 }, { weight: 5 }]', ', sticky: { cookie: { maxAge: 1h } }'));
    expect(steps.map((step) => step.sticky)).toEqual([
      { by: 'cookie', maxAgeMs: 3_600_000 },
      { by: 'cookie', maxAgeMs: 3_600_000 },
    ]);
  });

  it('keeps what its steps say, and keys in one spelling', () => {
    const steps = stepsOf(plan('[{ weight: 5, sticky: { hash: { header: X-User } } }]', ', sticky: { cookie: {} }'));
    expect(steps.map((step) => step.sticky)).toEqual([{ by: 'hash', key: { by: 'header', name: 'x-user' } }]);
  });
});
