import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Field, type INamespace, type NamespaceBase, type ReflectionObject, Root, Type } from 'protobufjs';

/**
 * Writes `proto/bundle.json`: the Envoy messages that Serin speaks and everything they refer to, nothing else.
 * Run by hand with `npx tsx tools/proto-bundle.ts` after a change of the lists below or of the
 * package that ships the protos; the result is committed, so that no .proto file is read at run time. With
 * `--check` it writes nothing and fails when the file is not what it would write.
 */

/** Messages that are encoded or decoded by name; what they refer to follows by itself. `Any` payloads do not. */
const SPOKEN: Readonly<Record<string, readonly string[]>> = {
  'envoy/service/discovery/v3/discovery.proto': [
    'envoy.service.discovery.v3.DiscoveryRequest',
    'envoy.service.discovery.v3.DiscoveryResponse',
    'envoy.service.discovery.v3.DeltaDiscoveryRequest',
    'envoy.service.discovery.v3.DeltaDiscoveryResponse',
  ],
  'envoy/config/cluster/v3/cluster.proto': ['envoy.config.cluster.v3.Cluster'],
  'envoy/config/endpoint/v3/endpoint.proto': ['envoy.config.endpoint.v3.ClusterLoadAssignment'],
  'envoy/config/listener/v3/listener.proto': ['envoy.config.listener.v3.Listener'],
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto': [
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  ],
  'envoy/extensions/filters/http/router/v3/router.proto': ['envoy.extensions.filters.http.router.v3.Router'],
  'envoy/extensions/filters/http/cors/v3/cors.proto': [
    'envoy.extensions.filters.http.cors.v3.Cors',
    'envoy.extensions.filters.http.cors.v3.CorsPolicy',
  ],
  'envoy/extensions/filters/http/fault/v3/fault.proto': ['envoy.extensions.filters.http.fault.v3.HTTPFault'],
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto': [
    'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  ],
  'envoy/config/route/v3/route.proto': ['envoy.config.route.v3.RouteConfiguration'],
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto': [
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
  ],
  'envoy/extensions/transport_sockets/tls/v3/tls.proto': [
    'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  ],
  'envoy/service/runtime/v3/rtds.proto': ['envoy.service.runtime.v3.Runtime'],
};

/** Extensions that only documents name, in Envoy's own words: per route or per cluster, and small. */
const RAW: Readonly<Record<string, readonly string[]>> = {
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto': [
    'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
  ],
  'envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.proto': [
    'envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig',
  ],
  'envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config.proto': [
    'envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig',
  ],
  'envoy/extensions/internal_redirect/previous_routes/v3/previous_routes_config.proto': [
    'envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig',
  ],
  'envoy/extensions/internal_redirect/safe_cross_scheme/v3/safe_cross_scheme_config.proto': [
    'envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig',
  ],
  'envoy/extensions/filters/http/buffer/v3/buffer.proto': ['envoy.extensions.filters.http.buffer.v3.BufferPerRoute'],
  'envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto': [
    'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
  ],
  'envoy/extensions/filters/http/jwt_authn/v3/config.proto': [
    'envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig',
  ],
  'envoy/extensions/filters/http/lua/v3/lua.proto': ['envoy.extensions.filters.http.lua.v3.LuaPerRoute'],
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto': [
    'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer',
  ],
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto': [
    'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport',
  ],
  'envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto': [
    'envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
  ],
  'envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto': [
    'envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin',
  ],
  'envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto': [
    'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash',
  ],
  'envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto': [
    'envoy.extensions.load_balancing_policies.maglev.v3.Maglev',
  ],
};

const MESSAGES = { ...SPOKEN, ...RAW };

/** Fields newer than the package that ships the protos; an Envoy that does not know one ignores it. */
const NEWER_FIELDS: Readonly<Record<string, readonly Field[]>> = {
  // Envoy 1.36.
  'envoy.config.route.v3.WeightedCluster': [new Field('useHashPolicy', 5, 'google.protobuf.BoolValue')],
};

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const shipped = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
const protobufjs = dirname(require.resolve('protobufjs/package.json'));
/** Searched in this order. */
const folders = [
  join(shipped, 'envoy-api'),
  join(shipped, 'xds'),
  join(shipped, 'googleapis'),
  join(shipped, 'protoc-gen-validate'),
  protobufjs,
];

function find(target: string): string | null {
  for (const folder of folders) {
    const candidate = join(folder, target);
    try {
      readFileSync(candidate);
      return candidate;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return null;
}

/** Names of the given messages and of all types their fields mention, nested owners included. */
function reachable(root: Root, names: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const queue: ReflectionObject[] = names.map((name) => root.lookupType(name));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next.fullName)) continue;
    seen.add(next.fullName);
    if (!(next instanceof Type)) continue;
    for (const field of next.fieldsArray) if (field.resolvedType !== null) queue.push(field.resolvedType);
  }
  return seen;
}

/** Options carry validation rules and annotations that nothing reads at run time; they are most of the bytes. */
function prune(json: INamespace, path: string, keep: ReadonlySet<string>): Record<string, unknown> | null {
  const out: Record<string, unknown> = {};
  const isType = 'fields' in json || 'values' in json;
  const kept = keep.has(path);
  for (const [key, value] of Object.entries(json)) {
    if (key === 'nested' || key === 'options' || key === 'comment' || key === 'reserved' || key === 'comments')
      continue;
    if (isType && !kept) continue;
    if (key === 'methods' || key === 'extensions') continue;
    out[key] = key === 'fields' ? withoutOptions(value as Record<string, Record<string, unknown>>) : value;
  }
  if (isType && !kept) out.fields = {};
  const nested: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(json.nested ?? {})) {
    const below = prune(child as INamespace, `${path}.${name}`, keep);
    if (below !== null) nested[name] = below;
  }
  const hasNested = Object.keys(nested).length > 0;
  if (hasNested) out.nested = nested;
  return kept || hasNested ? out : null;
}

/** `packed` and `proto3_optional` change the wire format or presence; they stay. */
function withoutOptions(fields: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { options, comment: _comment, ...field }]) => {
      const wire = Object.entries((options ?? {}) as Record<string, unknown>).filter(
        ([key]) => key === 'packed' || key === 'proto3_optional',
      );
      return [name, wire.length === 0 ? field : { ...field, options: Object.fromEntries(wire) }];
    }),
  );
}

const root = new Root();
root.resolvePath = (_origin, target) => find(target);
root.loadSync(Object.keys(MESSAGES));
for (const [type, fields] of Object.entries(NEWER_FIELDS)) for (const field of fields) root.lookupType(type).add(field);
root.resolveAll();
const keep = reachable(root, Object.values(MESSAGES).flat());
const bundle = prune((root as NamespaceBase).toJSON(), '', keep);
const file = join(here, '../proto/bundle.json');
const text = `${JSON.stringify(bundle)}\n`;
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== text) {
    console.error('proto/bundle.json is not what tools/proto-bundle.ts makes; run it and commit the result');
    process.exitCode = 1;
  }
} else {
  writeFileSync(file, text);
}
console.log(`proto/bundle.json: ${keep.size} types, ${text.length} bytes`);
