import type { FleetTable, Trial } from '../model/traffic.ts';

/** The table as the node sees it that tries a change out. It stands for the same fleet revision. */
export function withTrial(table: FleetTable, { changes }: Pick<Trial, 'changes'>): FleetTable {
  const owners = new Map(table.owners);
  for (const [owner, value] of changes) {
    if (value === null) owners.delete(owner);
    else owners.set(owner, { n: table.position.n, value });
  }
  return { ...table, owners };
}
