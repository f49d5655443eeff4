import { matchWords } from '../../../core/manifest/compare/match-words.ts';
import type { PlanDocument } from '../../../core/model/documents.ts';
import { percent } from '../../../core/model/percent.ts';
import { pinnedCluster } from '../../../core/model/revision.ts';
import type { CompiledStep } from '../../../core/traffic/compile-plan.ts';
import { table } from '../render.ts';
import { stepText } from './preview-flags.ts';

/** A line per step and fleet: who gets how much, who is pinned, what is mirrored, and which clusters there are. */
export function compiledLines(
  plan: PlanDocument,
  compiled: readonly CompiledStep[],
  verdictOf: (at: CompiledStep) => { readonly refusal: string | null } | null,
): readonly string[] {
  const verified = compiled.some((at) => verdictOf(at) !== null);
  const rows = compiled.map((at) => {
    const verdict = verdictOf(at);
    const answer = verdict === null ? '-' : verdict.refusal === null ? 'ok' : 'refused';
    return [stepText(plan, at.step), at.fleet, ...(verified ? [answer] : []), ...cells(at)];
  });
  return table([
    ['STEP', 'FLEET', ...(verified ? ['ENVOY'] : []), 'WEIGHTS', 'PINNED', 'MIRRORED', 'CLUSTERS'],
    ...rows,
  ]);
}

function cells({ traffic }: CompiledStep): readonly string[] {
  const { revisions, pinned, split, pins, mirror } = traffic;
  const nameOf = (cluster: string) =>
    revisions.find((revision) => revision.cluster === cluster || pinnedCluster(revision) === cluster)?.name ?? cluster;
  const clusters = revisions.flatMap((revision) =>
    pinned.includes(revision.key) ? [revision.cluster, pinnedCluster(revision)] : [revision.cluster],
  );
  return [
    split.map(({ cluster, weight }) => `${nameOf(cluster)} ${percent(weight)}`).join(', '),
    pins.map(({ matches, cluster }) => `${nameOf(cluster)} by ${matches.map(matchWords).join(' or ')}`).join('; ') ||
      '-',
    mirror === undefined ? '-' : `${nameOf(mirror.cluster)} ${percent(mirror.share)}`,
    [...new Set(clusters)].join(', '),
  ];
}
