import type { RouteConfiguration, VirtualHost } from '../envoy-resources.ts';
import type { RouteAction, RouteResource } from '../route-resource.ts';
import { type ChosenHost, chooseHost } from './choose-host.ts';
import type { SampleRequest } from './sample-request.ts';
import { whyNot } from './why-not.ts';

/** Where a request goes. */
export type Answer =
  /** Envoy answers 404. */
  | { readonly kind: 'nowhere' }
  | { readonly kind: 'redirect' | 'respond'; readonly route: RouteResource }
  | { readonly kind: 'forward'; readonly route: RouteResource; readonly arms: readonly Share[] };

export interface Share {
  readonly cluster: string;
  /** From 0 to 1. */
  readonly probability: number;
}

export interface Evaluation {
  /** `null`: no virtual host is for the request's host. */
  readonly host: ChosenHost | null;
  /** Routes that were looked at before, in order, and why they are not for this request. */
  readonly passed: readonly { readonly route: RouteResource; readonly because: string }[];
  readonly answer: Answer;
}

/**
 * What an Envoy with this route table does with a request: the very resources that Serin builds, read as Envoy reads
 * them. A test holds it against a real Envoy on thousands of random tables.
 */
export function evaluateRequest(config: RouteConfiguration, request: SampleRequest): Evaluation {
  const host = chooseHost(config.virtualHosts, request.host, config.ignorePortInHostMatching);
  if (host === null) return { host, passed: [], answer: { kind: 'nowhere' } };
  return { host, ...evaluateHost(host.host, request) };
}

function evaluateHost({ routes }: VirtualHost, request: SampleRequest): Pick<Evaluation, 'passed' | 'answer'> {
  const passed: { route: RouteResource; because: string }[] = [];
  for (const route of routes) {
    const because = whyNot(route.match, request);
    if (because === null) return { passed, answer: answerOf(route) };
    passed.push({ route, because });
  }
  return { passed, answer: { kind: 'nowhere' } };
}

function answerOf(route: RouteResource): Answer {
  if (route.redirect !== undefined) return { kind: 'redirect', route };
  if (route.directResponse !== undefined) return { kind: 'respond', route };
  return { kind: 'forward', route, arms: route.route === undefined ? [] : armsOf(route.route) };
}

function armsOf({ cluster, weightedClusters }: RouteAction): readonly Share[] {
  if (cluster !== undefined) return [{ cluster, probability: 1 }];
  const clusters = weightedClusters?.clusters ?? [];
  const total = clusters.reduce((sum, { weight }) => sum + weight.value, 0);
  return clusters.map(({ name, weight }) => ({ cluster: name, probability: total === 0 ? 0 : weight.value / total }));
}
