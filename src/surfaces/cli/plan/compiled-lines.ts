import { matchWords } from '../../../core/manifest/compare/match-words.ts';
import type { PlanDocument } from '../../../core/model/documents.ts';
import { percent } from '../../../core/model/percent.ts';
import { pinnedCluster } from '../../../core/model/revision.ts';
import type { BackendTraffic } from '../../../core/model/traffic.ts';
import type { CompiledStep } from '../../../core/traffic/compile-plan.ts';
import { patchText } from '../../../core/traffic/patched-resources.ts';
import { table } from '../render.ts';
import { stepText } from './preview-flags.ts';

/**
 * A line per step and fleet: who gets how much, who is pinned, what is mirrored, and which clusters there are. Then what
 * is not as Serin alone would write it.
 */
export function compiledLines(
  plan: PlanDocument,
  compiled: readonly CompiledStep[],
  verdictOf: (at: CompiledStep) => { readonly refusal: string | null } | null,
): readonly string[] {
  const verified = compiled.some((at) => verdictOf(at) !== null);
  const isJoint = plan.spec.joint !== undefined;
  const rows = compiled.flatMap((at) => {
    const verdict = verdictOf(at);
    const answer = verdict === null ? '-' : verdict.refusal === null ? 'ok' : 'refused';
    return at.traffics.map((traffic) => [
      ...[stepText(plan, at.step), at.fleet],
      ...(isJoint ? [traffic.backend] : []),
      ...(verified ? [answer] : []),
      ...cells(traffic),
    ]);
  });
  const patches = new Set(compiled.flatMap(({ patched }) => patched.map(patchText)));
  const head = table([
    [
      'STEP',
      'FLEET',
      ...(isJoint ? ['BACKEND'] : []),
      ...(verified ? ['ENVOY'] : []),
      'WEIGHTS',
      'PINNED',
      'MIRRORED',
      'CLUSTERS',
    ],
    ...rows,
  ]);
  return [...head, ...[...patches].sort()];
}

function cells({ revisions, pinned, split, pins, mirror }: BackendTraffic): readonly string[] {
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
