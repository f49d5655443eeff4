import { describe, expect, it } from 'vitest';
import { checkReferences } from '../../../src/core/manifest/check-references.ts';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import { formatError } from '../../../src/core/model/format-error.ts';

const NOTHING = { shipped: [], stored: [] };

function text(rule: string): string {
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: [shop.example.com]
  rules:
    - ${rule}
`;
}

function errorsOf(rule: string): readonly string[] {
  const parsed = parseDocuments([{ file: 'r.yaml', text: text(rule) }], NOTHING);
  return parsed.kind === 'error' ? parsed.errors.map(formatError) : [];
}

describe('a rule is refused', () => {
  it.each([
    ['without a way', '{ name: a }', /expected one of backend, backends, redirect, respond/],
    ['with two ways', '{ name: a, backend: b, respond: { status: 200 } }', /expected one of backend/],
    ['with one backend by weight', '{ name: a, backends: [{ name: b, weight: 100 }] }', /at least two/],
    [
      'with weights that are not all',
      '{ name: a, backends: [{ name: b, weight: 50 }, { name: c, weight: 40 }] }',
      /sum to 90/,
    ],
    [
      'with a backend twice',
      '{ name: a, backends: [{ name: b, weight: 50 }, { name: b, weight: 50 }] }',
      /"b" stands here twice/,
    ],
    ['with a redirect to itself', '{ name: a, redirect: { status: 301 } }', /back to itself/],
    ['with an odd redirect', '{ name: a, redirect: { status: 300, port: 1 } }', /301, 302, 303, 307 or 308/],
    [
      'with a retry of what it answers itself',
      '{ name: a, respond: { status: 200 }, retry: {} }',
      /retry is for requests/,
    ],
    [
      'with a prefix that nothing matched',
      '{ name: a, backend: b, matches: [{ path: { type: Exact, value: /a } }], rewrite: { path: { type: ReplacePrefixMatch, value: /b } } }',
      /PathPrefix alone/,
    ],
    [
      'with a query in a path',
      '{ name: a, backend: b, rewrite: { path: { type: ReplaceFullPath, value: "/b?c" } } }',
      /no "\?"/,
    ],
    [
      'with a pattern that is none',
      '{ name: a, backend: b, rewrite: { path: { type: RegularExpression, pattern: "(", substitution: x } } }',
      /RE2/,
    ],
    [
      'with a range that is empty',
      '{ name: a, backend: b, matches: [{ headers: [{ name: x, type: Range, start: 5, end: 5 }] }] }',
      /above the start/,
    ],
    [
      'with a range of a parameter',
      '{ name: a, backend: b, matches: [{ queryParams: [{ name: x, type: Range }] }] }',
      /expected one of Exact/,
    ],
    [
      'with a value where none is',
      '{ name: a, backend: b, matches: [{ headers: [{ name: x, type: Absent, value: y }] }] }',
      /takes no value/,
    ],
    [
      'with a cookie too long for Envoy',
      `{ name: a, backend: b, matches: [{ cookies: [{ name: x, value: ${'y'.repeat(120)} }] }] }`,
      /too large/,
    ],
    [
      'with a gRPC method of any service whose name is too long for a pattern',
      `{ name: a, backend: b, matches: [{ grpc: { method: M${'m'.repeat(100)} } }] }`,
      /grpc\.method: the pattern is too large \(110; Envoy takes 100\)/,
    ],
    ['with grpc and a path', '{ name: a, backend: b, matches: [{ grpc: {}, path: { value: /a } }] }', /grpc says path/],
    ['with the host header changed', '{ name: a, backend: b, headers: { request: { set: { host: x } } } }', /not host/],
    ['with two hash keys in one', '{ name: a, backend: b, hash: [{ header: x, cookie: y }] }', /one of header, cookie/],
    ['with a mirror of nothing', '{ name: a, backend: b, mirror: { backend: c, percent: 0 } }', /more than 0/],
    [
      'with a condition that Envoy does not know',
      '{ name: a, backend: b, retry: { on: [5xxx] } }',
      /Did you mean "5xx"/,
    ],
    ['with a fault without any', '{ name: a, backend: b, fault: {} }', /delay or abort/],
  ])('%s, at its place', (_what, rule, message) => {
    const errors = errorsOf(rule);
    expect(errors[0]).toMatch(message);
    expect(errors[0]).toMatch(/^r\.yaml:8:\d+: /);
  });
});

describe('references of a rule', () => {
  const check = (rule: string, filters?: ReadonlyMap<string, readonly ('cors' | 'fault')[]>) => {
    const backend = `apiVersion: serin.dev/v1\nkind: Backend\nmetadata: { name: b }\nspec: { protocol: http1 }\n---\n`;
    const parsed = parseDocuments([{ file: 'r.yaml', text: backend + text(rule) }], NOTHING);
    if (parsed.kind === 'error') throw new Error(parsed.errors.map(formatError).join('\n'));
    const known = { documents: [], fleets: ['edge'], notifiers: [], hooks: [] };
    return checkReferences(parsed.value, filters === undefined ? known : { ...known, filters }).map(formatError);
  };

  it('are all backends that it names', () => {
    expect(check('{ name: a, backends: [{ name: b, weight: 50 }, { name: c, weight: 50 }] }')).toEqual([
      expect.stringContaining('spec.rules[0].backends[1].name: there is no backend "c"'),
    ]);
    expect(check('{ name: a, backend: b, mirror: { backend: d } }')).toEqual([
      expect.stringContaining('spec.rules[0].mirror.backend: there is no backend "d"'),
    ]);
  });

  it('are filters that the Envoys have', () => {
    const rule =
      '{ name: a, backend: b, cors: { origins: ["https://a"] }, fault: { abort: { percent: 1, status: 500 } } }';
    expect(check(rule)).toEqual([]);
    expect(check(rule, new Map([['edge', ['cors', 'fault']]]))).toEqual([]);
    expect(check(rule, new Map([['edge', ['cors']]]))).toEqual([
      expect.stringMatching(/^r\.yaml:13:\d+: .*spec\.rules\[0\]\.fault: .*filter fault.*fleets\[\]\.filters/),
    ]);
  });
});
