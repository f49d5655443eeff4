import { type RouteSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import type { SerinError } from '../model/errors.ts';
import type { PinMatch } from '../model/match.ts';
import { oncePer } from '../model/once-per.ts';
import type { BackendTraffic, FleetTable, ListenerTraffic, RouteTraffic, TrafficOwner } from '../model/traffic.ts';
import type { EnvoyResources } from './envoy-resources.ts';
import { shareAPort } from './listener.ts';
import { virtualHostName } from './route-configuration.ts';
import { isSafeName } from './safe-name.ts';

/**
 * What must hold before anything is sent. Envoy accepts most of these mistakes and then serves 503 or shares
 * statistics between two things, so they are refused here. Each error names its owner.
 * @param foreign clusters that the Envoys have from elsewhere.
 */
export function checkResources(table: FleetTable, resources: EnvoyResources, foreign: readonly string[]): SerinError[] {
  const errors: SerinError[] = [];
  const clusters = new Set([...resources.clusters.map(({ name }) => name), ...foreign]);
  const refuse = (owner: TrafficOwner, message: string) =>
    errors.push({ code: 'SERIN_INTERNAL', message: `fleet ${table.fleet}, ${owner}: ${message}` });
  if (!isSafeName(table.fleet)) {
    errors.push({ code: 'SERIN_INTERNAL', message: `fleet name ${table.fleet} would break Envoy's statistics names` });
  }
  const clusterOwners = new Map<string, TrafficOwner>();
  const hosts = new Map<string, TrafficOwner>();
  const domains = new Map<string, TrafficOwner>();
  const listeners: ListenerTraffic[] = [];
  for (const [owner, { value }] of table.owners) {
    const say = (message: string) => refuse(owner, message);
    if (value.kind === 'backend') {
      checkRevisions(value, owner, clusterOwners, say);
      checkSplit(value, clusters, say);
    } else if (value.kind === 'listener') {
      const other = listeners.find((seen) => shareAPort(seen, value));
      if (other !== undefined) say(`its port is also that of listener/${other.listener}`);
      listeners.push(value);
    } else if (value.spec.fleet !== table.fleet) {
      say(`it belongs to fleet ${value.spec.fleet}`);
    } else {
      checkRoute(value, owner, hosts, domains, say);
    }
  }
  return errors;
}

type Say = (message: string) => void;

function checkRevisions(backend: BackendTraffic, owner: TrafficOwner, seen: Map<string, TrafficOwner>, say: Say): void {
  for (const revision of backend.revisions) {
    const { cluster } = revision;
    if (!isSafeName(cluster)) say(`cluster name ${cluster} would break Envoy's statistics names`);
    // A cluster of the Envoys' own may be that of a revision before this one.
    if (seen.get(cluster) !== owner || revision.endpoints.kind !== 'cluster') {
      claim(seen, cluster, owner, (other) => say(`cluster ${cluster} is also defined by ${other}`));
    }
    if (revision.endpoints.kind === 'static' && revision.endpoints.addresses.length === 0) {
      say(`revision ${revision.name} has no endpoint`);
    }
  }
  const keys = new Set(backend.revisions.map(({ key }) => key));
  for (const key of backend.pinned) if (!keys.has(key)) say(`pinned revision ${key} is not served`);
}

function checkSplit(backend: BackendTraffic, clusters: ReadonlySet<string>, say: Say): void {
  const arms = new Set<string>();
  let sum = 0;
  for (const { cluster, weight } of backend.split) {
    if (!clusters.has(cluster)) say(`its split names cluster ${cluster}, which does not exist`);
    if (arms.has(cluster)) say(`its split names cluster ${cluster} twice`);
    if (!Number.isInteger(weight) || weight < 0) say(`weight ${weight} of cluster ${cluster} is no whole number ≥ 0`);
    arms.add(cluster);
    sum += weight;
  }
  if (backend.split.length > 0 && sum !== TOTAL_WEIGHT) say(`its weights sum to ${sum}, not ${TOTAL_WEIGHT}`);
  const shadow = backend.mirror?.cluster;
  if (shadow !== undefined && !clusters.has(shadow)) say(`it mirrors to cluster ${shadow}, which does not exist`);
  for (const { cluster, matches } of backend.pins) {
    if (!clusters.has(cluster)) say(`it pins requests to cluster ${cluster}, which does not exist`);
    // A pin without a condition would take every request of the rule, past the weights.
    if (matches.some(takesAll)) say(`a pin to cluster ${cluster} has no condition`);
  }
}

function takesAll({ headers, cookies = [], queryParams = [], method, path }: PinMatch): boolean {
  return headers.length + cookies.length + queryParams.length === 0 && method === undefined && path === undefined;
}

function checkRoute(
  { route, spec }: RouteTraffic,
  owner: TrafficOwner,
  hosts: Map<string, TrafficOwner>,
  domains: Map<string, TrafficOwner>,
  say: Say,
): void {
  claim(hosts, virtualHostName(route), owner, (other) => say(`its virtual host name is also that of ${other}`));
  for (const domain of spec.hostnames.length === 0 ? ['*'] : spec.hostnames) {
    claim(domains, domain.toLowerCase(), owner, (other) => say(`hostname ${domain} is also claimed by ${other}`));
  }
  for (const complaint of ruleComplaints(spec)) say(complaint);
}

/** A Route stays the same object over the steps of a rollout. */
const ruleComplaints = oncePer(({ rules: all }: RouteSpec): readonly string[] => {
  const complaints: string[] = [];
  const rules = new Set<string>();
  for (const { name, timeoutMs } of all) {
    if (rules.has(name)) complaints.push(`two rules are named ${name}`);
    rules.add(name);
    // 0 would switch the timeout off: a canary that hangs then leaves no trace in Envoy's counters.
    if (!(timeoutMs > 0)) complaints.push(`rule ${name} has no timeout`);
  }
  return complaints;
});

function claim(
  taken: Map<string, TrafficOwner>,
  key: string,
  owner: TrafficOwner,
  clash: (other: TrafficOwner) => void,
): void {
  const other = taken.get(key);
  if (other !== undefined) clash(other);
  else taken.set(key, owner);
}
