import { isRevisionCluster } from '../../model/cut-revision.ts';
import { fail, ok, type Result } from '../../model/errors.ts';
import { nameSome } from '../../model/name-some.ts';
import { isPinnedCluster } from '../../model/revision.ts';

/** Requests of one cluster through one Envoy. */
export interface ClusterRequests {
  readonly cluster: string;
  readonly proxy: string;
  readonly requests: number;
}

export interface Arms {
  readonly stable: string;
  readonly canary: string;
}

/**
 * Which clusters of a backend were stable and canary: stable had the requests before, the canary is the other one that
 * had some meanwhile. `named`: cluster or revision names; they win.
 */
export function pickArms(
  backend: string,
  requests: { readonly before: readonly ClusterRequests[]; readonly during: readonly ClusterRequests[] },
  named: { readonly stable: string | null; readonly canary: string | null },
): Result<Arms> {
  const [before, during] = [byCluster(requests.before), byCluster(requests.during)];
  const known = [...new Set([...before.keys(), ...during.keys()])];
  const found = (name: string): Result<string> => {
    const fit = known.includes(name) ? [name] : known.filter((cluster) => isRevisionCluster(cluster, backend, name));
    const [only] = fit;
    if (only !== undefined && fit.length === 1) return ok(only);
    const message = fit.length === 0 ? 'nothing is known of' : 'several clusters are called';
    return fail('SERIN_NOT_FOUND', `${message} "${name.slice(0, 100)}"${amongst(fit.length === 0 ? known : fit)}`, {
      hint: 'Name a cluster as Envoy does, or a revision of the backend.',
    });
  };
  const stable = named.stable === null ? null : found(named.stable);
  if (stable?.kind === 'error') return stable;
  const canary = named.canary === null ? null : found(named.canary);
  if (canary?.kind === 'error') return canary;
  if (known.length === 0) {
    return fail('SERIN_NOT_FOUND', `Prometheus knows no cluster of backend ${backend} in this time`, {
      hint: "Check --from and --to, the plan's backend, and the selector of the fleet.",
    });
  }
  const most = [...before].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const first = stable?.value ?? most.find(([cluster]) => cluster !== canary?.value)?.[0];
  if (first === undefined) {
    return fail('SERIN_NOT_FOUND', `no cluster of backend ${backend} had requests before --from${amongst(known)}`, {
      hint: 'Begin earlier, or name the stable one with --stable.',
    });
  }
  const others = [...during].filter(([cluster, count]) => count > 0 && cluster !== first).map(([cluster]) => cluster);
  const second = canary?.value ?? (others.length === 1 ? others[0] : undefined);
  if (second === undefined) {
    const message =
      others.length === 0
        ? `no cluster of backend ${backend} but ${first} had requests in this time`
        : `several clusters of backend ${backend} had requests in this time${amongst(others)}`;
    return fail('SERIN_NOT_FOUND', message, { hint: 'Choose a time around one release, or name it with --canary.' });
  }
  if (first === second) return fail('SERIN_REQUEST_INVALID', `stable and canary are both ${first}`);
  return ok({ stable: first, canary: second });
}

function byCluster(rows: readonly ClusterRequests[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { cluster, requests } of rows) {
    if (!isPinnedCluster(cluster)) sums.set(cluster, (sums.get(cluster) ?? 0) + requests);
  }
  return sums;
}

function amongst(names: readonly string[]): string {
  return names.length === 0 ? '' : `: ${nameSome([...names].sort())}`;
}
