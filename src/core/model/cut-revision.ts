import { createHash } from 'node:crypto';
import type { BackendSpec, EndpointsSpec } from './documents.ts';
import { fail, ok, type Result } from './errors.ts';
import { isIp, parseHostPort } from './host-port.ts';
import type { Revision } from './revision.ts';

const REVISION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

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
  const endpoints = input.endpoints === null ? own(spec, name) : given(input.endpoints);
  if (endpoints.kind === 'error') return endpoints;
  const { protocol, connectTimeoutMs, healthCheck } = spec;
  const content = { protocol, connectTimeoutMs, healthCheck, endpoints: endpoints.value };
  const hash = createHash('sha256')
    .update(JSON.stringify([backend, name, protocol, connectTimeoutMs, healthCheck, endpoints.value]))
    .digest('hex')
    .slice(0, 8);
  const slug = name.replaceAll(/[^A-Za-z0-9_-]/g, '-');
  return ok({ key: `${backend}/${name}-${hash}`, backend, name, cluster: `${backend}--${slug}-${hash}`, ...content });
}

function own({ endpoints }: BackendSpec, name: string): Result<EndpointsSpec> {
  if (endpoints === null) {
    return fail('SERIN_REQUEST_INVALID', 'neither the backend nor the request says where this revision runs', {
      hint: 'Give spec.endpoints in the Backend, or --endpoints host:port at the start.',
    });
  }
  if (endpoints.kind === 'static') return ok(sorted(endpoints.addresses));
  const host = endpoints.host.replaceAll(/\{\{\s*revision\s*\}\}/g, name);
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
