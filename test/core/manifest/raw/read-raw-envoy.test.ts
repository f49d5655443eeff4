import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../../src/core/manifest/parse-documents.ts';
import type { RawEnvoyRule } from '../../../../src/core/manifest/raw/read-raw-envoy.ts';
import { cutRevision } from '../../../../src/core/model/cut-revision.ts';
import type { BackendSpec, RouteSpec } from '../../../../src/core/model/documents.ts';
import { readRawEnvoy } from '../../../../src/envoy-resources.ts';

const allowed = readRawEnvoy();

function parse(text: string, rule: RawEnvoyRule = allowed) {
  return parseDocuments([{ file: 'shop.yaml', text }], { shipped: [], stored: [] }, rule);
}

function errors(text: string, rule: RawEnvoyRule = allowed): readonly string[] {
  const parsed = parse(text, rule);
  if (parsed.kind === 'ok') return [];
  return parsed.errors.map(({ code, message, place }) => `${place?.line}:${place?.column} ${code} ${message}`);
}

const document = (kind: string, spec: string) =>
  `apiVersion: serin.dev/v1\nkind: ${kind}\nmetadata: { name: shop }\nspec:\n${spec}`;
const backend = (raw: string, more = '  endpoints: { static: ["127.0.0.1:1"] }\n') =>
  document('Backend', `${more}  rawEnvoy:\n${raw}`);
const route = (raw: string, rule = 'backend: shop') =>
  document(
    'Route',
    `  fleet: edge\n  hostnames: ["*"]\n  rules:\n    - name: all\n      ${rule}\n      rawEnvoy:\n${raw}`,
  );

describe('words of Envoy in a document', () => {
  it('are refused where the operator does not allow them, with the switch by name', () => {
    expect(errors(route('        route: { hedge_policy: {} }\n'), 'off')).toEqual([
      '10:7 SERIN_RAW_ENVOY_OFF rawEnvoy is switched off: the operator has to say xds.allowRawEnvoy: true in serin.yaml',
    ]);
    expect(errors(backend('    cleanup_interval: 5s\n'), 'off')).toEqual([
      '6:3 SERIN_RAW_ENVOY_OFF rawEnvoy is switched off: the operator has to say xds.allowRawEnvoy: true in serin.yaml',
    ]);
  });

  it('are read by the protos, and what is wrong is said where it stands', () => {
    expect(errors(route('        route:\n          hedge_policy: { initial_request: 2 }\n'))).toEqual([
      '12:27 SERIN_DOCUMENT_INVALID envoy.config.route.v3.HedgePolicy has no field "initial_request" in the API of Envoy 1.31, which Serin reads it by. Did you mean "initial_requests"?',
    ]);
    expect(
      errors(backend('    upstream_connection_options:\n      tcp_keepalive: { keepalive_time: soon }\n')),
    ).toEqual(['8:40 SERIN_DOCUMENT_INVALID expected a whole number (uint32)']);
  });

  it('are a mapping with something in it, and not a whole program', () => {
    expect(errors(backend('    {}\n'))).toEqual(['7:5 SERIN_DOCUMENT_INVALID expected at least one field']);
    expect(errors(backend('    [a]\n'))).toEqual([
      '7:5 SERIN_DOCUMENT_INVALID expected a mapping of fields as Envoy has them',
    ]);
    expect(errors(backend(`    alt: "${'x'.repeat(17_000)}"\n`))).toEqual([
      '7:5 SERIN_DOCUMENT_INVALID expected at most 16 KiB',
    ]);
  });

  it.each([
    ['name', 'name: x'],
    ['alt_stat_name', 'alt_stat_name: x'],
    ['type', 'type: STATIC'],
    ['edsClusterConfig', 'edsClusterConfig: {}'],
    ['load_assignment', 'load_assignment: { cluster_name: x }'],
    ['health_checks', 'health_checks: []'],
    ['wait_for_warm_on_init', 'wait_for_warm_on_init: false'],
    ['common_lb_config.healthy_panic_threshold', 'common_lb_config: { healthy_panic_threshold: { value: 50 } }'],
    ['commonLbConfig.healthyPanicThreshold', 'commonLbConfig: { healthyPanicThreshold: { value: 50 } }'],
  ])('of a cluster cannot be %s', (path, raw) => {
    expect(errors(backend(`    ${raw}\n`)).join('\n')).toContain(`${path} is Serin's own: `);
  });

  it.each([
    ['match', 'match: { prefix: / }'],
    ['route.weighted_clusters', 'route: { weighted_clusters: {} }'],
    ['route.cluster', 'route: { cluster: x }'],
    ['route.clusterHeader', 'route: { clusterHeader: x }'],
    ['route.timeout', 'route: { timeout: 0s }'],
    ['route.max_grpc_timeout', 'route: { max_grpc_timeout: 0s }'],
    ['route.hash_policy', 'route: { hash_policy: [] }'],
    ['route.request_mirror_policies', 'route: { request_mirror_policies: [] }'],
    ['response_headers_to_remove', 'response_headers_to_remove: [set-cookie]'],
    ['redirect', 'redirect: {}'],
  ])('of a route cannot be %s', (path, raw) => {
    expect(errors(route(`        ${raw}\n`)).join('\n')).toContain(`${path} is Serin's own: `);
  });

  it.each(['domains: [a]', 'routes: []', 'matcher: {}'])('of a virtual host cannot be %s', (raw) => {
    const text = document(
      'Route',
      `  fleet: edge\n  hostnames: ["*"]\n  rules: [{ name: all, backend: shop }]\n  rawEnvoy: { ${raw} }\n`,
    );
    expect(errors(text).join('\n')).toContain("is Serin's own: a virtual host is made of");
  });

  it('say nothing of a backend where Envoy answers by itself, nor of a cluster that is not ours', () => {
    expect(errors(route('        route: { hedge_policy: {} }\n', 'respond: { status: 410 }'))).toEqual([
      '11:16 SERIN_DOCUMENT_INVALID route is for requests that go to a backend',
    ]);
    expect(errors(backend('    cleanup_interval: 5s\n', '  endpoints: { cluster: "own-{{ revision }}" }\n'))).toEqual([
      '7:5 SERIN_DOCUMENT_INVALID a cluster of the Envoys has its own settings',
    ]);
  });

  it('are kept in one spelling, with what they displace', () => {
    const parsed = parse(route('        route: { auto_host_rewrite: true, hedgePolicy: { initial_requests: 2 } }\n'));
    if (parsed.kind === 'error') throw new Error(JSON.stringify(parsed.errors));
    const spec = parsed.value[0]?.document.spec as RouteSpec;
    expect(spec.rules[0]?.rawEnvoy).toMatchObject({
      route: {
        autoHostRewrite: { value: true },
        hostRewriteLiteral: null,
        hedgePolicy: { initialRequests: { value: 2 } },
      },
    });
  });
});

describe('a revision of a Backend with words of Envoy', () => {
  function keyOf(text: string): string {
    const parsed = parse(text);
    if (parsed.kind === 'error') throw new Error(JSON.stringify(parsed.errors));
    const spec = parsed.value[0]?.document.spec as BackendSpec;
    const cut = cutRevision({ backend: 'shop', spec, revision: 'v1', endpoints: null });
    return cut.kind === 'ok' ? cut.value.key : '';
  }

  it('is another one when they change, and the same one when only their order or spelling does', () => {
    const one = keyOf(backend('    cleanup_interval: 5s\n    track_timeout_budgets: true\n'));
    expect(keyOf(backend('    trackTimeoutBudgets: true\n    cleanupInterval: 5.0s\n'))).toBe(one);
    expect(keyOf(backend('    cleanup_interval: 6s\n    track_timeout_budgets: true\n'))).not.toBe(one);
  });

  it('has the name that it always had when there are none', () => {
    expect(keyOf(document('Backend', '  endpoints: { static: ["127.0.0.1:1"] }\n'))).toBe('shop/v1-5b7d82e6');
  });
});
