import type { BackendState, RevisionEndpoints } from './backend-state.ts';
import type { HostPort } from './documents.ts';
import { fail, ok, type Result } from './errors.ts';
import { isIp, parseHostPort } from './host-port.ts';
import { sameJson } from './same-json.ts';
import type { BackendTraffic } from './traffic.ts';

/** Of a backend: they lie in its record, which every step of a rollout reads. */
export const MAX_API_ADDRESSES = 1_000;
export const MAX_API_REVISIONS = 20;

/** IP addresses alone, each once and in order: Envoy refuses names in endpoint discovery. */
export function readAddresses(texts: readonly string[]): Result<readonly HostPort[]> {
  const read = new Map<string, HostPort>();
  for (const text of texts) {
    const address = parseHostPort(text);
    if (address === null || !isIp(address.host)) {
      return fail('SERIN_REQUEST_INVALID', `"${text.slice(0, 80)}" is no endpoint: expected ip:port`);
    }
    read.set(addressText(address), address);
  }
  return ok([...read].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address));
}

export function addressText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Those of a revision; empty where nobody has told any. */
export function addressesOf({ endpoints }: Pick<BackendState, 'endpoints'>, revision: string): readonly HostPort[] {
  return endpoints?.revisions.find((one) => one.revision === revision)?.addresses ?? [];
}

/**
 * With those of one revision in place of what it had; an empty list takes it out. `used`: revisions that Envoys have;
 * others make room, the oldest first.
 */
export function withEndpoints(
  state: BackendState,
  next: RevisionEndpoints,
  used: ReadonlySet<string>,
): Result<BackendState> {
  const rev = (state.endpoints?.rev ?? 0) + 1;
  const others = (state.endpoints?.revisions ?? []).filter(({ revision }) => revision !== next.revision);
  let revisions = next.addresses.length === 0 ? others : [...others, next];
  const tooMany = () => {
    const addresses = revisions.reduce((sum, one) => sum + one.addresses.length, 0);
    return revisions.length > MAX_API_REVISIONS || addresses > MAX_API_ADDRESSES;
  };
  while (tooMany()) {
    const oldest = revisions.find((one) => one !== next && !used.has(one.revision));
    if (oldest === undefined) {
      const bounds = `${MAX_API_ADDRESSES} endpoints of ${MAX_API_REVISIONS} revisions`;
      return fail('SERIN_REQUEST_INVALID', `backend ${state.backend} would have more than ${bounds}`);
    }
    revisions = revisions.filter((one) => one !== oldest);
  }
  return ok({ ...state, endpoints: { rev, atMs: next.atMs, revisions } });
}

/** With the hosts that Envoys have, where the record has lost what was told of them since. */
export function withServedHosts(
  state: BackendState,
  { revisions, endpoints = [] }: Pick<BackendTraffic, 'revisions' | 'endpoints'>,
  { by, atMs }: Pick<RevisionEndpoints, 'by' | 'atMs'>,
): BackendState {
  const used = new Set(revisions.map(({ name }) => name));
  return revisions.reduce((before, { cluster, name }) => {
    const addresses = endpoints.find((one) => one.cluster === cluster)?.addresses ?? [];
    const same = sameJson(addresses, addressesOf(before, name));
    if (addresses.length === 0 || same) return before;
    const next = withEndpoints(before, { revision: name, addresses, by, atMs }, used);
    return next.kind === 'ok' ? next.value : before;
  }, state);
}
