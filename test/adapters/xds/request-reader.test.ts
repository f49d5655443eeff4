import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { type RequestRead, readRequest } from '../../../src/adapters/xds/request-reader.ts';

const protos = loadProtoBundle();
const encode = (name: 'DiscoveryRequest' | 'DeltaDiscoveryRequest', fields: object): Buffer => {
  const message = protos.type(`envoy.service.discovery.v3.${name}`);
  return Buffer.from(message.encode(message.fromObject(fields)).finish());
};
const limits = { maxResourceNames: 20 };
const sotw = (fields: object) => readRequest(encode('DiscoveryRequest', fields), 'sotw', limits);
const delta = (fields: object) => readRequest(encode('DeltaDiscoveryRequest', fields), 'delta', limits);

const text = fc.string({ unit: 'grapheme' });
const names = fc.array(text, { maxLength: 20 });
const versions = fc.dictionary(text, text, { maxKeys: 20 });
const scalar = fc.oneof(text, fc.double({ noNaN: true }), fc.boolean(), fc.constant(null));
const metadata = fc.dictionary(text, fc.oneof(scalar, fc.dictionary(text, scalar)));
const build = fc.option(fc.tuple(fc.nat(), fc.nat(), fc.nat()));
const node = fc.record({ id: text, cluster: text, metadata, build, extensions: fc.array(text) });
type Node = typeof node extends fc.Arbitrary<infer T> ? T : never;
const common = { typeUrl: text, nonce: text, node: fc.option(node), error: fc.option(text) };

describe('what a request says is what is read', () => {
  it('of the state of the world', () => {
    fc.assert(
      fc.property(fc.record({ ...common, names, version: text }), ({ names, version, ...said }) => {
        expect(sotw({ ...envelope(said), resourceNames: names, versionInfo: version })).toEqual({
          ...read(said),
          asked: { kind: 'sotw', ...answer(said), names, returning: version !== '' },
        });
      }),
    );
  });

  it('of changes', () => {
    fc.assert(
      fc.property(fc.record({ ...common, add: names, drop: names, held: versions }), ({ add, drop, held, ...said }) => {
        const lists = { resourceNamesSubscribe: add, resourceNamesUnsubscribe: drop, initialResourceVersions: held };
        const initial = new Map(Object.entries(held));
        expect(delta({ ...envelope(said), ...lists })).toEqual({
          ...read(said),
          asked: {
            kind: 'delta',
            ...answer(said),
            subscribe: add,
            unsubscribe: drop,
            initial,
            returning: initial.size > 0,
          },
        });
      }),
    );
  });

  it('of nothing', () => {
    expect(readRequest(Buffer.alloc(0), 'sotw', limits)).toMatchObject({ kind: 'request', typeUrl: '', node: null });
  });
});

describe('what is refused', () => {
  it.each([
    ['a field number of nothing', 'ffffffff'],
    ['a text that is cut off', '1a7f'],
    ['groups', '7b7b7b7c7c7c'],
  ])('%s', (_name, hex) => {
    expect(readRequest(Buffer.from(hex, 'hex'), 'sotw', limits)).toMatchObject({
      detail: 'the message is no discovery request',
    });
  });

  it('any bytes at all are a request or refused, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('sotw', 'delta'), (bytes, protocol) => {
        expect(['request', 'refused']).toContain(readRequest(Buffer.from(bytes), protocol, limits).kind);
      }),
    );
  });

  const many = Array.from({ length: 21 }, (_, i) => `name-${i}`);
  it.each([
    ['names', sotw({ resourceNames: many })],
    ['names to add', delta({ resourceNamesSubscribe: many })],
    ['names to take away', delta({ resourceNamesUnsubscribe: many })],
    ['names held', delta({ initialResourceVersions: Object.fromEntries(many.map((name) => [name, '1'])) })],
  ])('too many %s, and the setting is named', (_what, outcome) => {
    expect(outcome).toEqual({
      kind: 'refused',
      detail: 'more than 20 resource names in one request (setting xds.limits.maxResourceNames)',
    });
  });

  it.each([
    ['a long name', { resourceNames: ['x'.repeat(1_025)] }, /1024/],
    ['a long type', { typeUrl: 'x'.repeat(1_025) }, /1024/],
    ['a large node', { node: { extensions: [{ name: 'x'.repeat(300_000) }] } }, /node has more than 262144/],
    ['large metadata', { node: { metadata: struct({ a: 'x'.repeat(70_000) }) } }, /metadata has more than 65536/],
  ])('%s', (_what, fields, detail) => {
    expect(sotw(fields)).toMatchObject({ kind: 'refused', detail: expect.stringMatching(detail) });
  });
});

describe('the reason for a refusal', () => {
  it('is read up to 16 KB, its end included', () => {
    const message = `goo.gle/debug${'x'.repeat(3_000_000)}: the rule`;
    const { asked } = requestIn(sotw({ errorDetail: { code: 13, message } }));
    expect(asked.error?.length).toBeLessThan(17_000);
    expect(asked.error).toMatch(/^goo\.gle\/debugx.*x: the rule$/);
  });

  it('may be empty, and is a refusal all the same', () => {
    expect(requestIn(sotw({ errorDetail: { code: 13 } })).asked).toMatchObject({ rejected: true, error: '' });
  });
});

type Said = { typeUrl: string; nonce: string; node: Node | null; error: string | null };

function requestIn(outcome: RequestRead) {
  if (outcome.kind === 'refused') throw new Error(outcome.detail);
  return outcome;
}

function envelope({ typeUrl, nonce, node, error }: Said): object {
  return {
    typeUrl,
    responseNonce: nonce,
    ...(node === null ? {} : { node: nodeMessage(node) }),
    ...(error === null ? {} : { errorDetail: { code: 13, message: error } }),
  };
}

function answer({ nonce, error }: Said) {
  return { nonce, rejected: error !== null, error };
}

function read({ typeUrl, node }: Said) {
  const { id, cluster, metadata, build } = node ?? {};
  const version = build?.join('.') ?? 'own';
  return { kind: 'request', typeUrl, node: node === null ? null : { id, cluster, metadata: plain(metadata), version } };
}

/** Objects of the generator may have no prototype. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** As an Envoy writes it. */
function nodeMessage({ id, cluster, metadata, build, extensions }: Node): object {
  const [majorNumber, minorNumber, patch] = build ?? [];
  return {
    id,
    cluster,
    metadata: struct(metadata),
    locality: { region: 'r', zone: 'z' },
    userAgentName: 'envoy',
    ...(build === null
      ? { userAgentVersion: 'own' }
      : { userAgentBuildVersion: { version: { majorNumber, minorNumber, patch }, metadata: struct({ ssl: 'x' }) } }),
    extensions: extensions.map((name) => ({ name, category: 'c', typeUrls: ['a', 'b'] })),
  };
}

function struct(value: object): object {
  return { fields: Object.fromEntries(Object.entries(value).map(([key, item]) => [key, structValue(item)])) };
}

function structValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { numberValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return value === null ? { nullValue: 0 } : { structValue: struct(value as object) };
}
