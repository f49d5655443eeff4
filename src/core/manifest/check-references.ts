import type { Document, PlanSpec, RouteDocument } from '../model/documents.ts';
import type { SerinError } from '../model/errors.ts';
import { backendsOfPlan } from '../model/joint-spec.ts';
import { filtersOf, type HttpFilter, type RouteRule } from '../model/route-rule.ts';
import { didYouMean } from '../model/suggest.ts';
import { stickyClashes } from './check-sticky.ts';
import type { ParsedDocument } from './parse-documents.ts';

export interface Known {
  /** Documents applied before; those of the same kind and name among the new ones replace them. */
  readonly documents: readonly Document[];
  readonly fleets: readonly string[];
  /** HTTP filters that the Envoys of each fleet have. @default not known, so nothing is refused for them */
  readonly filters?: ReadonlyMap<string, readonly HttpFilter[]>;
  readonly notifiers: readonly string[];
  /** Those that steps may ask. */
  readonly hooks: readonly string[];
}

const FILTER_KEYS: Readonly<Record<HttpFilter, string>> = {
  cors: 'cors',
  fault: 'fault',
  'local-rate-limit': 'rateLimit',
};

/** What the new documents name and nobody has, and hostnames that two Routes of one fleet both claim. */
export function checkReferences(parsed: readonly ParsedDocument[], known: Known): readonly SerinError[] {
  const fresh = parsed.map(({ document }) => document);
  const kept = known.documents.filter((old) => !fresh.some(({ kind, name }) => kind === old.kind && name === old.name));
  const all = [...kept, ...fresh];
  const backends = all.filter(({ kind }) => kind === 'Backend').map(({ name }) => name);
  const errors: SerinError[] = [];
  const need = (from: ParsedDocument, path: string, what: string, name: string, among: readonly string[]) => {
    if (among.includes(name)) return;
    const list = among.length === 0 ? 'there is none yet' : `known: ${[...among].sort().slice(0, 20).join(', ')}`;
    const message = `there is no ${what} "${name}".${didYouMean(name, among)} (${list})`;
    errors.push({ code: 'SERIN_UNKNOWN_REFERENCE', message, path, place: from.placeOf(path) });
  };
  for (const from of parsed) {
    const { document } = from;
    if (document.kind === 'Route') {
      need(from, 'spec.fleet', 'fleet', document.spec.fleet, known.fleets);
      for (const [i, rule] of document.spec.rules.entries()) {
        const at = `spec.rules[${i}]`;
        if (rule.backend !== null) need(from, `${at}.backend`, 'backend', rule.backend, backends);
        for (const [k, { backend }] of (rule.backends ?? []).entries()) {
          need(from, `${at}.backends[${k}].name`, 'backend', backend, backends);
        }
        errors.push(...missingFilters(from, at, rule, known.filters?.get(document.spec.fleet)));
        if (rule.mirror !== undefined) need(from, `${at}.mirror.backend`, 'backend', rule.mirror.backend, backends);
      }
      errors.push(...claimedTwice(from, document, all));
    }
    if (document.kind === 'Plan') {
      const { joint } = document.spec;
      for (const [i, name] of backendsOfPlan(document.spec).entries()) {
        need(from, joint === undefined ? 'spec.backend' : `spec.backends[${i}]`, 'backend', name, backends);
      }
      for (const [i, name] of document.spec.notify.entries()) {
        need(from, `spec.notify[${i}]`, 'notifier', name, known.notifiers);
      }
      for (const { path, target } of hooksOf(document.spec)) need(from, path, 'hook', target, known.hooks);
    }
  }
  errors.push(...unstuck(parsed, all));
  return errors;
}

/** Which hooks the steps of a plan ask, and where that is said: of a strategy's steps, where it is used. */
export function hooksOf({ strategy }: PlanSpec): readonly { readonly path: string; readonly target: string }[] {
  return strategy.steps.flatMap(({ webhook }, i) => {
    const path = strategy.name === 'inline' ? `spec.strategy.steps[${i}].webhook.target` : 'spec.strategy.use';
    return webhook === undefined ? [] : [{ path, target: webhook.target }];
  });
}

/** Said where the new document is: in the plan, or in the route. */
function unstuck(parsed: readonly ParsedDocument[], all: readonly Document[]): SerinError[] {
  return stickyClashes(all).flatMap(({ plan, route, rule, message }): SerinError[] => {
    const of = (kind: Document['kind'], name: string) =>
      parsed.find(({ document }) => document.kind === kind && document.name === name);
    const [byPlan, byRoute] = [of('Plan', plan), of('Route', route)];
    const from = byPlan ?? byRoute;
    if (from === undefined) return [];
    const path = byPlan === undefined ? `spec.rules[${rule}]` : 'spec.strategy';
    return [{ code: 'SERIN_DOCUMENT_INVALID', message: `sticky: ${message}`, path, place: from.placeOf(path) }];
  });
}

/** Envoy takes a route that needs a filter it does not have, and then does nothing of the sort. */
function missingFilters(
  from: ParsedDocument,
  at: string,
  rule: RouteRule,
  has: readonly HttpFilter[] | undefined,
): SerinError[] {
  if (has === undefined) return [];
  return filtersOf(rule)
    .filter((filter) => !has.includes(filter))
    .map((filter) => {
      const path = `${at}.${FILTER_KEYS[filter]}`;
      const message = `it needs the filter ${filter}, which the Envoys of this fleet are not known to have`;
      const hint = 'Say so under fleets[].filters of serin.yaml, or let Serin lay out their listeners.';
      return { code: 'SERIN_DOCUMENT_INVALID' as const, message, path, place: from.placeOf(path), hint };
    });
}

function claimedTwice(from: ParsedDocument, route: RouteDocument, all: readonly Document[]): SerinError[] {
  return route.spec.hostnames.flatMap((hostname, i): SerinError[] => {
    const other = all.find(
      (candidate) =>
        candidate.kind === 'Route' &&
        candidate.name !== route.name &&
        candidate.spec.fleet === route.spec.fleet &&
        candidate.spec.hostnames.includes(hostname),
    );
    if (other === undefined) return [];
    const path = `spec.hostnames[${i}]`;
    const message = `Route ${other.name} of fleet ${route.spec.fleet} has the hostname ${hostname} already`;
    return [
      { code: 'SERIN_CONFLICT', message, path, place: from.placeOf(path), hint: 'Put the rules into one Route.' },
    ];
  });
}
