import fc from 'fast-check';
import protojson from 'protobufjs/ext/protojson.js';
import { describe, expect, it } from 'vitest';
import { encodePlain } from '../../../src/adapters/xds/plain-message.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { readProtoJson } from '../../../src/adapters/xds/read-proto-json.ts';
import { RAW_MESSAGES } from '../../../src/core/model/raw-envoy.ts';
import { mergeRaw } from '../../../src/core/traffic/merge-raw.ts';

const protos = loadProtoBundle();
const read = readProtoJson(protos);
const { route: ROUTE, cluster: CLUSTER } = RAW_MESSAGES;

const problems = (message: string, json: Record<string, unknown>) =>
  read(message, json).problems.map(({ path, message: text }) => `${path.join('.')}: ${text}`);

const EXT = 'type.googleapis.com/envoy.extensions';

describe('JSON of an Envoy message is refused', () => {
  it.each<[what: string, message: string, json: Record<string, unknown>, problem: string]>([
    [
      'with a field that the message does not have',
      ROUTE,
      { route: { hedge_polcy: {} } },
      'route.hedge_polcy: envoy.config.route.v3.RouteAction has no field "hedge_polcy" in the API of Envoy 1.31, which Serin reads it by. Did you mean "hedge_policy"?',
    ],
    [
      'with a name suggested in the spelling that was used',
      ROUTE,
      { route: { hedgePolcy: {} } },
      'route.hedgePolcy: envoy.config.route.v3.RouteAction has no field "hedgePolcy" in the API of Envoy 1.31, which Serin reads it by. Did you mean "hedgePolicy"?',
    ],
    [
      'with a field that stands one level too high',
      ROUTE,
      { retry_policy: { num_retries: 2 } },
      'retry_policy: envoy.config.route.v3.Route has no field "retry_policy" in the API of Envoy 1.31, which Serin reads it by. Did you mean "route.retry_policy"?',
    ],
    [
      'with a value for a message',
      ROUTE,
      { route: 5 },
      'route: expected a mapping with fields of envoy.config.route.v3.RouteAction',
    ],
    [
      'with text for a number',
      CLUSTER,
      { per_connection_buffer_limit_bytes: 'many' },
      'per_connection_buffer_limit_bytes: expected a whole number (uint32)',
    ],
    [
      'with a number that is out of range',
      CLUSTER,
      { per_connection_buffer_limit_bytes: -1 },
      'per_connection_buffer_limit_bytes: expected a whole number (uint32)',
    ],
    ['with text for true', CLUSTER, { track_timeout_budgets: 'yes' }, 'track_timeout_budgets: expected true or false'],
    ['with a number for text', ROUTE, { stat_prefix: 5 }, 'stat_prefix: expected text'],
    [
      'with a duration without its unit',
      CLUSTER,
      { cleanup_interval: 5 },
      'cleanup_interval: expected a duration as Envoy has it, in seconds like "1.5s"',
    ],
    [
      'with a duration of ours',
      CLUSTER,
      { cleanup_interval: '5m' },
      'cleanup_interval: expected a duration as Envoy has it, in seconds like "1.5s"',
    ],
    [
      'with a name that the enum does not have',
      ROUTE,
      { route: { priority: 'URGENT' } },
      'route.priority: expected one of DEFAULT, HIGH',
    ],
    [
      'with a number that the enum does not have',
      ROUTE,
      { route: { priority: 7 } },
      'route.priority: expected one of DEFAULT, HIGH',
    ],
    ['with a mapping for a list', ROUTE, { route: { rate_limits: {} } }, 'route.rate_limits: expected a list'],
    [
      'with a wrong item of a list',
      ROUTE,
      { route: { rate_limits: [{}, 5] } },
      'route.rate_limits.1: expected a mapping with fields of envoy.config.route.v3.RateLimit',
    ],
    [
      'with null',
      ROUTE,
      { route: { hedge_policy: null } },
      'route.hedge_policy: null takes nothing away; leave the field out',
    ],
    [
      'with both names of one field',
      ROUTE,
      { stat_prefix: 'a', statPrefix: 'b' },
      'statPrefix: "statPrefix" stands here twice, under both of its names',
    ],
    [
      'with two members of a oneof',
      ROUTE,
      { route: { auto_host_rewrite: true, host_rewrite_header: 'x' } },
      'route.host_rewrite_header: host_rewrite_header and auto_host_rewrite cannot stand together',
    ],
    [
      'with an extension that does not say its type',
      ROUTE,
      { typed_per_filter_config: { lua: { name: 'x' } } },
      'typed_per_filter_config.lua: expected a mapping with "@type", like type.googleapis.com/envoy.extensions…, and the fields of that type',
    ],
    [
      'with an extension that cannot be checked',
      ROUTE,
      { typed_per_filter_config: { tap: { '@type': `${EXT}.filters.http.tap.v3.Tap` } } },
      `typed_per_filter_config.tap.@type: ${EXT}.filters.http.tap.v3.Tap is no extension that Serin can check`,
    ],
    [
      'with a wrong field of an extension',
      ROUTE,
      { typed_per_filter_config: { lua: { '@type': `${EXT}.filters.http.lua.v3.LuaPerRoute`, disable: true } } },
      'typed_per_filter_config.lua.disable: envoy.extensions.filters.http.lua.v3.LuaPerRoute has no field "disable" in the API of Envoy 1.31, which Serin reads it by. Did you mean "disabled"?',
    ],
    [
      'with a key of a certificate in it',
      CLUSTER,
      {
        transport_socket: {
          typed_config: {
            '@type': `${EXT}.transport_sockets.tls.v3.UpstreamTlsContext`,
            common_tls_context: { tls_certificates: [{ private_key: { inline_string: 'KEY' } }] },
          },
        },
      },
      'transport_socket.typed_config.common_tls_context.tls_certificates.0.private_key.inline_string: a secret never stands in a document: name a file on the Envoys, or one of their secrets',
    ],
  ])('%s', (_, message, json, problem) => {
    expect(problems(message, json)).toContain(problem);
  });

  it('with all that is wrong in it, not the first alone', () => {
    expect(problems(CLUSTER, { a: 1, b: 2, cleanup_interval: 3 })).toHaveLength(3);
  });

  it('without ever throwing, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('route', 'metadata', 'typedPerFilterConfig', 'x'), fc.jsonValue()),
        (json) => {
          expect(read(ROUTE, json as Record<string, unknown>).problems.length).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe('JSON of an Envoy message that is taken', () => {
  const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 10 });
  const seconds = fc.integer({ min: 0, max: 10_000 }).map((ms) => `${ms / 1_000}s`);
  const optional = { requiredKeys: [] };
  const clusters = fc.record(
    {
      per_connection_buffer_limit_bytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      trackTimeoutBudgets: fc.boolean(),
      cleanup_interval: seconds,
      outlier_detection: fc.record({ consecutive_5xx: fc.nat(9), maxEjectionPercent: fc.nat(100) }, optional),
      dns_lookup_family: fc.constantFrom('V4_ONLY', 'ALL', 2),
      lb_subset_config: fc.record(
        { default_subset: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.oneof(text, fc.nat(), fc.boolean())) },
        optional,
      ),
      metadata: fc.record({
        filter_metadata: fc.dictionary(
          fc.stringMatching(/^[a-z.]{1,9}$/),
          fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text),
        ),
      }),
      upstreamConnectionOptions: fc.record({ tcpKeepalive: fc.record({ keepalive_time: fc.nat(100) }) }),
      typed_extension_protocol_options: fc.constant({
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': `${EXT}.upstreams.http.v3.HttpProtocolOptions`,
          common_http_protocol_options: { idle_timeout: '30s' },
          explicit_http_config: { http_protocol_options: {} },
        },
      }),
    },
    optional,
  );

  /** Its meaning, whatever the order of its maps. */
  const meaning = (bytes: Uint8Array) => {
    const type = protos.type(CLUSTER);
    return protojson.toJson(type, type.decode(bytes));
  };

  it('is sent as ProtoJSON means it', () => {
    fc.assert(
      fc.property(clusters, (json) => {
        const { patch, problems: wrong } = read(CLUSTER, json);
        expect(wrong).toEqual([]);
        const type = protos.type(CLUSTER);
        const meant = type.encode(protojson.fromJson(type, json)).finish();
        expect(meaning(encodePlain(protos, CLUSTER, mergeRaw({}, patch)))).toEqual(meaning(meant));
      }),
    );
  });

  it('gives the same bytes whatever the order of its keys, and from a store as from a file', () => {
    const backwards = (value: unknown): unknown => {
      if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, item]) => [key, backwards(item)]),
      );
    };
    const bytes = (json: Record<string, unknown>) => {
      const { patch } = read(CLUSTER, json);
      expect(JSON.parse(JSON.stringify(patch))).toEqual(patch);
      return Buffer.from(encodePlain(protos, CLUSTER, mergeRaw({}, patch))).toString('hex');
    };
    fc.assert(
      fc.property(clusters, (json) => {
        expect(bytes(backwards(json) as Record<string, unknown>)).toBe(bytes(json));
      }),
    );
  });
});
