import { sameJson } from '../model/same-json.ts';
import type { BackendTraffic, FleetTable, OwnerTraffic } from '../model/traffic.ts';

/**
 * Does the second table do nothing but give canaries more? Then it may wait: nobody is hurt by a step that comes a
 * little later. Everything else must not wait, since it may be a way back or what a way back needs.
 */
export function onlyRaises(from: FleetTable, to: FleetTable): boolean {
  if (from.position.epoch !== to.position.epoch) return false;
  if (!sameJson(from.trial, to.trial) || from.owners.size !== to.owners.size) return false;
  for (const [owner, { value }] of to.owners) {
    const before = from.owners.get(owner);
    // Its number does not tell: hosts change beside it.
    if (
      before === undefined ||
      !(before.value === value || sameJson(before.value, value) || raises(before.value, value))
    )
      return false;
  }
  return true;
}

/** The first arm is stable's, the others may only get more; only the weights may differ, or Envoy would get something new. */
function raises(before: OwnerTraffic, after: OwnerTraffic): boolean {
  if (before.kind !== 'backend' || after.kind !== 'backend') return false;
  const [was, is] = [before.split.slice(1), after.split.slice(1)];
  if (was.length === 0 || was.some(({ weight }, i) => (is[i]?.weight ?? -1) < weight)) return false;
  return sameJson(withoutWeights(before), withoutWeights(after));
}

function withoutWeights(traffic: BackendTraffic) {
  return { ...traffic, split: traffic.split.map(({ cluster }) => cluster) };
}
