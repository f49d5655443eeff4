import { createHash } from 'node:crypto';
import type { BackendSpec, EndpointsSpec } from './documents.ts';
import { fail, ok, type Result } from './errors.ts';
import { isIp, parseHostPort } from './host-port.ts';
import type { Revision } from './revision.ts';

const REVISION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const HASH = /^[0-9a-f]{8}$/;

/**
 * Cuts an immutable revision from a backend and a trigger. The same input gives the same key and cluster name;
 * any other setting gives another cluster, so a change of settings can be rolled out like a change of code.
 */
export function cutRevision(input: {
  readonly backend: string;
  readonly spec: BackendSpec;
  readonly revision: string;
  /** `host:port` each; they win over the backend's own endpoints. */
  readonly endpoints: readonly string[] | null;
}): Result<Revision> {
  const { backend, spec, revision: name } = input;
  if (!REVISION_NAME.test(name)) {
    return fail(
      'SERIN_REQUEST_INVALID',
      `"${name.slice(0, 80)}" is no revision name: letters, digits, ".", "_", "-", at most 63`,
    );
  }
  const endpoints = input.endpoints === null ? ownEndpoints(backend, spec, name) : given(input.endpoints);
  if (endpoints.kind === 'error') return endpoints;
  const { protocol, connectTimeoutMs, healthCheck, upstream, rawEnvoy } = spec;
  const more = { ...(upstream === undefined ? {} : { upstream }), ...(rawEnvoy === undefined ? {} : { rawEnvoy }) };
  const content = { protocol, connectTimeoutMs, healthCheck, ...more, endpoints: endpoints.value };
  // What is not said is left out, so that revisions of before there was such a word keep their names.
  const said = [...(upstream === undefined ? [] : [upstream]), ...(rawEnvoy === undefined ? [] : [{ rawEnvoy }])];
  const hash = createHash('sha256')
    .update(JSON.stringify([backend, name, protocol, connectTimeoutMs, healthCheck, endpoints.value, ...said]))
    .digest('hex')
    .slice(0, 8);
  const slug = slugOf(name);
  const own = endpoints.value.kind === 'cluster' ? endpoints.value.name : `${clusterPrefix(backend)}${slug}-${hash}`;
  return ok({ key: `${backend}/${name}-${hash}`, backend, name, cluster: own, ...content });
}

/** The revision as one that can be rolled out beside what is stable: Envoys have to be able to tell them apart. */
export function besideStable(canary: Revision, stable: Revision | null): Result<Revision> {
  if (stable?.key === canary.key) {
    return fail('SERIN_CONFLICT', `revision ${canary.name} of ${canary.backend} is stable already`);
  }
  if (stable?.cluster === canary.cluster) {
    const message = `revision ${canary.name} would be the same cluster as ${stable.name}: ${stable.cluster}`;
    return fail('SERIN_CONFLICT', message, { hint: 'Put {{ revision }} into spec.endpoints.cluster of the Backend.' });
  }
  return ok(canary);
}

/** Clusters of revisions of a backend begin so, unless they are the Envoys' own. */
export function clusterPrefix(backend: string): string {
  return `${backend}--`;
}

/** Is it the cluster of a revision of this name, whatever its settings were? */
export function isRevisionCluster(cluster: string, backend: string, revision: string): boolean {
  const start = `${clusterPrefix(backend)}${slugOf(revision)}-`;
  return cluster.startsWith(start) && HASH.test(cluster.slice(start.length));
}

/** A dot in a cluster's name would break Envoy's statistics. */
function slugOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_-]/g, '-');
}

/** The name in place of each `{{ revision }}`. */
export function withRevision(template: string, name: string): string {
  return template.replaceAll(/\{\{\s*revision\s*\}\}/g, name);
}

function ownEndpoints(backend: string, { endpoints }: BackendSpec, name: string): Result<EndpointsSpec> {
  if (endpoints === null) {
    const message = `neither backend ${backend} nor the request says where revision ${name} runs`;
    const hint = `Give spec.endpoints in the Backend, or --endpoints host:port at the start (${backend}=host:port of several).`;
    return fail('SERIN_REQUEST_INVALID', message, { hint });
  }
  if (endpoints.kind === 'api') return ok({ kind: 'api' });
  if (endpoints.kind === 'static') return ok(sorted(endpoints.addresses));
  if (endpoints.kind === 'cluster') {
    return ok({ kind: 'cluster', name: withRevision(endpoints.name, slugOf(name)) });
  }
  const host = withRevision(endpoints.host, name);
  const parsed = parseHostPort(`${host}:${endpoints.port}`);
  if (parsed === null || isIp(parsed.host)) {
    return fail('SERIN_REQUEST_INVALID', `revision ${name} makes "${host}", which is no DNS name`);
  }
  return ok({ kind: 'dns', host, port: endpoints.port });
}

function given(texts: readonly string[]): Result<EndpointsSpec> {
  const parsed = texts.map((text) => ({ text, address: parseHostPort(text) }));
  const bad = parsed.find(({ address }) => address === null);
  if (bad !== undefined || parsed.length === 0 || parsed.length > 1_000) {
    return fail(
      'SERIN_REQUEST_INVALID',
      `"${bad?.text.slice(0, 80) ?? ''}" is no endpoint: expected host:port, 1 to 1000 of them`,
    );
  }
  const addresses = parsed.flatMap(({ address }) => (address === null ? [] : [address]));
  const names = addresses.filter(({ host }) => !isIp(host));
  const [only] = addresses;
  if (names.length === 0) return ok(sorted(addresses));
  if (addresses.length === 1 && only !== undefined) return ok({ kind: 'dns', ...only });
  return fail('SERIN_REQUEST_INVALID', 'endpoints are either IP addresses or exactly one DNS name, not both');
}

/** Order of addresses has no meaning, so it must not make another revision. */
function sorted(addresses: readonly { readonly host: string; readonly port: number }[]): EndpointsSpec {
  const unique = new Map(addresses.map((address) => [`${address.host}:${address.port}`, address]));
  return { kind: 'static', addresses: [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address) };
}
