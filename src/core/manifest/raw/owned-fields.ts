import { isObject } from '../../model/is-object.ts';
import type { RawEnvoy, RawPlace, RawProblem } from '../../model/raw-envoy.ts';

const WHICH_REQUESTS =
  'which requests a rule takes is said by its matches, and which is the more specific goes by them';
const ARMS = 'Serin says where requests go: a rollout moves its weights';
const ANSWERS = 'write redirect or respond of the rule';
const HEADERS = 'write headers of the rule; cookies and colours of rollouts travel beside them';
const HANG = 'write timeout of the rule: a canary that hangs must show, so it cannot be switched off';
const HOSTS = 'a virtual host is made of the hostnames and rules of the Route';
const KIND = 'Serin says how an Envoy learns the endpoints of a revision';
const NAME = 'by this name Serin finds the resource and its statistics again';
const READY = 'a canary gets requests when its hosts are known to be well; write healthCheck of the Backend';

const ROUTE_HEADERS = {
  requestHeadersToAdd: HEADERS,
  requestHeadersToRemove: HEADERS,
  responseHeadersToAdd: HEADERS,
  responseHeadersToRemove: HEADERS,
};

/** Fields on which what Serin promises rests, and why or what to write instead; of messages inside by their path. */
const OWNED: Readonly<Record<RawPlace, Readonly<Record<string, string>>>> = {
  route: {
    name: NAME,
    match: WHICH_REQUESTS,
    redirect: ANSWERS,
    directResponse: ANSWERS,
    filterAction: ANSWERS,
    nonForwardingAction: ANSWERS,
    ...ROUTE_HEADERS,
    'route.cluster': ARMS,
    'route.clusterHeader': ARMS,
    'route.weightedClusters': ARMS,
    'route.clusterSpecifierPlugin': ARMS,
    'route.inlineClusterSpecifierPlugin': ARMS,
    'route.clusterNotFoundResponseCode': 'a cluster that is not there costs its share as 503, which the judge counts',
    'route.requestMirrorPolicies': 'write mirror of the rule, or of a step',
    'route.hashPolicy': 'write hash of the rule: users that stick to an arm go by it',
    'route.timeout': HANG,
    'route.idleTimeout': 'write idleTimeout of the rule',
    'route.maxGrpcTimeout': HANG,
    'route.grpcTimeoutOffset': HANG,
    'route.maxStreamDuration': 'write onRollback.closeStreamsAfter of the Plan: a rollback counts on it',
  },
  virtualHost: {
    name: NAME,
    domains: HOSTS,
    routes: HOSTS,
    matcher: HOSTS,
    ...ROUTE_HEADERS,
    requestMirrorPolicies: 'write mirror of a rule',
  },
  cluster: {
    name: NAME,
    altStatName: NAME,
    type: KIND,
    clusterType: KIND,
    edsClusterConfig: KIND,
    loadAssignment: KIND,
    connectTimeout: 'write connectTimeout of the Backend',
    healthChecks: READY,
    waitForWarmOnInit: READY,
    ignoreHealthOnHostRemoval: 'a host that was taken out gets no more requests',
    'commonLbConfig.healthyPanicThreshold':
      'it is 0: an arm without a healthy host fails and is seen, instead of sending requests to hosts known to be bad',
    'commonLbConfig.ignoreNewHostsUntilFirstHc': READY,
  },
};

/** Which of them a document would write. */
export function ownedProblems(place: RawPlace, json: RawEnvoy): readonly RawProblem[] {
  return Object.entries(OWNED[place]).flatMap(([owned, why]) => {
    const path = find(json, owned.split('.'));
    return path === null ? [] : [{ path, isKey: true, message: `${path.join('.')} is Serin's own: ${why}` }];
  });
}

/** The path as it is written; `null`: it is not. */
function find(json: unknown, [name, ...rest]: readonly string[]): readonly string[] | null {
  if (name === undefined) return [];
  if (!isObject(json)) return null;
  const key = Object.keys(json).find((one) => camelCase(one) === name);
  const below = key === undefined ? null : find(json[key], rest);
  return key === undefined || below === null ? null : [key, ...below];
}

/** ProtoJSON takes a name as it stands in the proto, too. */
function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
