import type { Result } from '../model/errors.ts';
import type { FleetTable, Trial } from '../model/traffic.ts';
import { buildResources } from './build-resources.ts';
import type { EnvoyResources } from './envoy-resources.ts';

/** The table as the node sees it that tries a change out. It stands for the same fleet revision. */
export function withTrial(table: FleetTable, { changes }: Pick<Trial, 'changes'>): FleetTable {
  const owners = new Map(table.owners);
  for (const [owner, value] of changes) {
    if (value === null) owners.delete(owner);
    else owners.set(owner, { n: table.position.n, value });
  }
  return { ...table, owners };
}

/**
 * What the node is told that tries a change out; `null`: nobody does. An error is about the trial alone: its node gets
 * what all others get, and nobody waits for it.
 */
export function trialResources(table: FleetTable): Result<EnvoyResources> | null {
  return table.trial === null ? null : buildResources(withTrial(table, table.trial));
}
