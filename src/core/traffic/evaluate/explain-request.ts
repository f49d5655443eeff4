import type { Result } from '../../model/errors.ts';
import { isPinnedCluster } from '../../model/revision.ts';
import type { FleetTable } from '../../model/traffic.ts';
import { buildResources } from '../build-resources.ts';
import { patchedResources, patchesOnTheWay, patchText } from '../patched-resources.ts';
import type { RouteMatch, RouteResource } from '../route-resource.ts';
import { type Answer, evaluateRequest } from './evaluate-request.ts';
import { type KnownArm, knownArms, ruleOf } from './known-arms.ts';
import { isWrittenByEnvoy, type SampleRequest } from './sample-request.ts';

/** Which rule takes a request, which arm with which chance, and why: for people and for scripts. */
export interface RequestExplanation {
  readonly fleet: string;
  /** The Route, and which of its hostnames it was; `null`: none is for this host. */
  readonly host: { readonly route: string; readonly hostname: string } | null;
  readonly rule: string | null;
  /** Which of the rule's matches, counted from 0. */
  readonly match: number | null;
  readonly answer: Answer['kind'];
  readonly status: number | null;
  readonly arms: readonly (Pick<KnownArm, 'backend' | 'revision' | 'arm'> & {
    readonly cluster: string;
    readonly probability: number;
    readonly pinned: boolean;
  })[];
  readonly envoyRoute: string | null;
  readonly passed: readonly { readonly rule: string | null; readonly envoyRoute: string; readonly because: string }[];
  /** What of all this is patched by words of a document's own, and by whose. */
  readonly patched: readonly string[];
  /** What may be otherwise at a real Envoy. */
  readonly notes: readonly string[];
}

export function explainRequest(table: FleetTable, request: SampleRequest): Result<RequestExplanation> {
  const built = buildResources(table);
  if (built.kind === 'error') return built;
  const [config] = built.value.routes;
  if (config === undefined) throw new Error('a fleet has a route table');
  const { host, passed, answer } = evaluateRequest(config, request);
  const arms = new Map(knownArms(table).map((arm) => [arm.cluster, arm]));
  const route = answer.kind === 'nowhere' ? null : answer.route;
  const hostName = host?.host.name ?? '';
  const made = route === null ? null : ruleOf(table, hostName, route.name);
  const clusters = armsOf(answer).map(({ cluster }) => cluster);
  const onTheWay = { host: hostName, route: route?.name ?? null, clusters };
  const patched = patchesOnTheWay(patchedResources(table, built.value), onTheWay);
  const looked = [...passed.map((one) => one.route), ...(route === null ? [] : [route])];
  return {
    kind: 'ok',
    value: {
      fleet: table.fleet,
      host: host === null ? null : { route: hostName, hostname: host.domain },
      rule: made?.rule ?? null,
      match: made?.match ?? null,
      answer: answer.kind,
      status: statusOf(route),
      arms: armsOf(answer).map(({ cluster, probability }) => ({
        backend: arms.get(cluster)?.backend ?? '',
        revision: arms.get(cluster)?.revision ?? '',
        arm: arms.get(cluster)?.arm ?? null,
        cluster,
        probability,
        pinned: isPinnedCluster(cluster),
      })),
      envoyRoute: route?.name ?? null,
      passed: passed.map(({ route: { name }, because }) => ({
        rule: ruleOf(table, hostName, name)?.rule ?? null,
        envoyRoute: name,
        because,
      })),
      patched: patched.map(patchText),
      notes: [...hashNotes(answer), ...notesOn(looked.map(({ match }) => match))],
    },
  };
}

function armsOf(answer: Answer) {
  return answer.kind === 'forward' ? answer.arms : [];
}

const STATUS = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;

/** Of an answer that Envoy gives by itself. */
function statusOf(route: RouteResource | null): number | null {
  if (route === null) return 404;
  if (route.redirect !== undefined) return STATUS[route.redirect.responseCode];
  return route.directResponse?.status ?? null;
}

/** Then the chance is that of a user, not of a request. */
function hashNotes(answer: Answer): readonly string[] {
  const hashed = answer.kind === 'forward' && answer.route.route?.weightedClusters?.useHashPolicy?.value === true;
  return hashed ? ['the hash of the request decides: equal requests go to one arm, always'] : [];
}

function notesOn(matches: readonly RouteMatch[]): readonly string[] {
  const names = new Set(matches.flatMap(({ headers = [] }) => headers.map(({ name }) => name)));
  return [...names]
    .filter(isWrittenByEnvoy)
    .map((name) => `Envoy writes the header ${name} itself: the answer holds for what it writes`);
}
