import { z } from 'zod';
import { NODE_STANDINGS } from '../../core/fleet/node-standing.ts';

/** Fleets and their Envoys as the API shows them; the rules of `schemas.ts` hold. */
const time = z.iso.datetime();
const count = z.number().int();
const revision = z.object({ epoch: z.string(), n: count });

const Seen = z.object({
  count,
  names: z.array(z.string()).meta({ description: 'At most 20 of them.' }),
});

export const FleetBody = z
  .object({
    fleet: z.string(),
    revision: revision.nullable().meta({ description: 'The fleet revision committed last; null: not read yet.' }),
    complete: z.boolean().meta({ description: 'Is what every replica knows in here?' }),
    observedSince: time,
    nodes: z.object({
      connected: count,
      behind: count.meta({ description: 'Connected, but not at the newest revision; the refusing ones included.' }),
      refused: count,
      gone: count,
      uncovered: count
        .nullable()
        .meta({ description: 'Connected, without a fresh series of their own; null: not known.' }),
    }),
    trial: z
      .object({ by: z.string(), node: z.string(), since: count })
      .nullable()
      .meta({ description: 'A change that one node tries out, since a fleet revision.' }),
    coverage: z.object({
      state: z.enum(['off', 'unknown', 'known']),
      detail: z.string(),
      withoutSeries: Seen.meta({ description: 'Connected Envoys that no fresh series speaks of.' }),
      agrees: z
        .boolean()
        .nullable()
        .meta({ description: 'Do Prometheus and the ledger tell of the same Envoys? null: not known.' }),
      withoutNode: Seen.meta({ description: 'Names in Prometheus that no Envoy of the fleet has.' }),
      shared: z
        .object({ count, series: z.array(z.object({ name: z.string(), nodes: Seen })) })
        .meta({ description: 'Series that several connected Envoys name; at most 20 of them.' }),
    }),
  })
  .meta({ id: 'Fleet' });
export type FleetBody = z.infer<typeof FleetBody>;
export const FleetList = z.object({ fleets: z.array(FleetBody) });

const type = z.enum(['cluster', 'endpoint', 'listener', 'route', 'runtime']);

export const NodeBody = z
  .object({
    fleet: z.string(),
    node: z.string(),
    state: z.enum(NODE_STANDINGS),
    connected: z.boolean(),
    since: time.meta({ description: 'When it connected or left.' }),
    replicas: z.array(z.string()),
    envoyVersion: z.string().nullable(),
    acked: count.nullable().meta({ description: 'Newest fleet revision that all of it has ACKed.' }),
    ackedAt: time.nullable(),
    newest: count.nullable().meta({ description: 'The fleet revision committed last.' }),
    lag: count.nullable().meta({ description: 'Revisions between the two; null: cannot be said.' }),
    trial: z.string().nullable().meta({ description: 'Whose change it tries out, as rollout/<id>.' }),
    refused: z.object({ type: z.string(), message: z.string(), at: time, revision: count }).nullable(),
    types: z.array(
      z.object({
        type,
        protocol: z.enum(['sotw', 'delta']),
        stream: z.enum(['aggregated', 'own']),
        state: z.enum(['ok', 'waiting', 'refused']),
        sent: z.string().nullable(),
        acked: z.string().nullable(),
        refused: z.object({ version: z.string(), message: z.string(), at: time }).nullable(),
      }),
    ),
    metricsName: z.string().nullable(),
    covered: z.boolean().nullable().meta({ description: 'Has Prometheus fresh series of it? null: not known.' }),
    sharesSeriesWith: Seen.meta({ description: 'Other Envoys that name the same series; then it covers neither.' }),
  })
  .meta({ id: 'Node' });
export type NodeBody = z.infer<typeof NodeBody>;
export const NodeList = z.object({ nodes: z.array(NodeBody), cursor: z.string().nullable() });

export const NODE_FILTERS = ['connected', 'behind', 'refused', 'gone', 'uncovered'] as const;

const FieldChangeBody = z.object({ path: z.string(), from: z.string().nullable(), to: z.string().nullable() });

export const NodeDiffBody = z
  .object({
    fleet: z.string(),
    node: z.string(),
    acked: count.nullable(),
    newest: count,
    equal: z.boolean().meta({ description: 'Is it known to run exactly what the records say?' }),
    trial: z.object({ by: z.string(), since: count }).nullable(),
    types: z.array(
      z.object({
        type,
        state: z.enum(['equal', 'differs', 'unknown']),
        detail: z.string(),
        added: z.array(z.string()).meta({ description: 'In the records, not on the Envoy.' }),
        removed: z.array(z.string()).meta({ description: 'On the Envoy, not in the records.' }),
        changed: z.array(z.object({ name: z.string(), fields: z.array(FieldChangeBody) })),
        more: count.meta({ description: 'Differences left out: 200 names and 200 fields of a type are listed.' }),
      }),
    ),
  })
  .meta({ id: 'NodeDiff' });
export type NodeDiffBody = z.infer<typeof NodeDiffBody>;
