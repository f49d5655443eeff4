import type { Document, RouteDocument } from '../model/documents.ts';
import type { SerinError } from '../model/errors.ts';
import { didYouMean } from '../model/suggest.ts';
import type { ParsedDocument } from './parse-documents.ts';

export interface Known {
  /** Documents applied before; those of the same kind and name among the new ones replace them. */
  readonly documents: readonly Document[];
  readonly fleets: readonly string[];
  readonly notifiers: readonly string[];
}

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
      for (const [i, { backend }] of document.spec.rules.entries()) {
        need(from, `spec.rules[${i}].backend`, 'backend', backend, backends);
      }
      errors.push(...claimedTwice(from, document, all));
    }
    if (document.kind === 'Plan') {
      need(from, 'spec.backend', 'backend', document.spec.backend, backends);
      for (const [i, name] of document.spec.notify.entries()) {
        need(from, `spec.notify[${i}]`, 'notifier', name, known.notifiers);
      }
    }
  }
  return errors;
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
