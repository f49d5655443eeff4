import type { BackendTraffic, FleetTable, OwnerTraffic, TrafficOwner } from '../model/traffic.ts';

/**
 * Does the second table give some canary more than the first, and none less? Then it may wait until a second server has
 * it. One with a way back in it goes out at once, whatever else it holds.
 */
export function raisesTraffic(before: FleetTable, after: FleetTable): boolean {
  let raised = false;
  for (const [owner, value] of changes(before, after)) {
    const was = before.owners.get(owner)?.value;
    if (value?.kind !== 'backend' || was?.kind !== 'backend') continue;
    const moved = move(was, value);
    if (moved === 'lower') return false;
    if (moved === 'raise') raised = true;
  }
  return raised;
}

/** What a node tries out that the others do not have yet is traffic as well. */
function* changes(before: FleetTable, after: FleetTable): Iterable<readonly [TrafficOwner, OwnerTraffic | null]> {
  for (const [owner, { value }] of after.owners) yield [owner, value];
  if (after.trial !== null && after.trial.n !== before.trial?.n) yield* after.trial.changes;
}

function move(before: BackendTraffic, after: BackendTraffic): 'raise' | 'lower' | 'same' {
  // The first arm is stable's: what it gets is taken from the others.
  const stable = before.split[0]?.cluster;
  const weight = (split: BackendTraffic['split'], of: string) =>
    split.find(({ cluster }) => cluster === of)?.weight ?? 0;
  const others = new Set([...before.split, ...after.split].map(({ cluster }) => cluster));
  if (stable !== undefined) others.delete(stable);
  const copies = ({ mirror }: BackendTraffic, of: string) => (mirror?.cluster === of ? mirror.share : 0);
  // Copies are load like any other, though nobody waits for their answers.
  const mirrored = [before, after].flatMap(({ mirror }) => (mirror === undefined ? [] : [mirror.cluster]));
  const changes = [
    ...[...others].map((cluster) => weight(after.split, cluster) - weight(before.split, cluster)),
    ...mirrored.map((cluster) => copies(after, cluster) - copies(before, cluster)),
  ];
  const pins = (pinned: BackendTraffic['pins']) => pinned.map((pin) => JSON.stringify(pin));
  const [had, has] = [pins(before.pins), pins(after.pins)];
  if (changes.some((change) => change > 0) || has.some((pin) => !had.includes(pin))) return 'raise';
  return changes.some((change) => change < 0) || had.some((pin) => !has.includes(pin)) ? 'lower' : 'same';
}
