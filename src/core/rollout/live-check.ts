import { firstLack, lackSummary } from '../fleet/capabilities.ts';
import { connectedNow, type Liveness, type Nack } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import type { Cause, Rollout } from './rollout.ts';
import type { Observations } from './transition.ts';

export type LiveCheck =
  | { readonly kind: 'live'; readonly liveness: Extract<Liveness, { kind: 'live' }> }
  /** An Envoy refused the push, cannot be given it, or does not answer and the plan will not wait for it. */
  | { readonly kind: 'failed'; readonly cause: Omit<Cause, 'atMs' | 'step'> }
  | { readonly kind: 'waiting' };

export function refusal(nacks: readonly Nack[]): Omit<Cause, 'atMs' | 'step'> {
  const [first] = nacks;
  const summary = first === undefined ? 'Envoy refused the change' : nackSummary(first, nacks.length - 1);
  return { kind: 'nack', by: 'serin', summary, verdict: null, node: first?.nodeId ?? null };
}

/** One sentence for a refused push; Envoy's words were redacted where they came in. */
function nackSummary({ nodeId, message }: Nack, more: number): string {
  return `Envoy ${nodeId}${more > 0 ? ` (and ${more} more)` : ''} refused the change: ${message}`;
}

export function unservable(detail: string): Omit<Cause, 'atMs' | 'step'> {
  return {
    kind: 'unservable',
    by: 'serin',
    summary: `the change cannot be served: ${detail}`,
    verdict: null,
    node: null,
  };
}

export function silence(nodes: readonly string[]): Omit<Cause, 'atMs' | 'step'> {
  const summary = `no answer to the change from ${nameSome(nodes)}`;
  return { kind: 'laggard', by: 'serin', summary, verdict: null, node: nodes[0] ?? null };
}

/** An Envoy that is connected now and would route otherwise than the others, since it ignores what it does not know. */
export function incapable(
  { requires }: Pick<Rollout, 'requires'>,
  { fleets }: Pick<Observations, 'fleets'>,
): Omit<Cause, 'atMs' | 'step'> | null {
  const lack = firstLack(connectedNow(fleets), requires);
  if (lack === null) return null;
  return { kind: 'no_dataplane', by: 'serin', summary: lackSummary(lack), verdict: null, node: lack.nodeId };
}
