import { z } from 'zod';
import type { StoreLineage } from '../../engine/ports/store-lineage.ts';
import { prepared } from './commit-arguments.ts';
import type { NewerRecords } from './newer-records.ts';
import type { RedisCalls } from './redis-calls.ts';
import { commitOutcome } from './redis-records.ts';
import { freezeOf, type Witness } from './witness.ts';

const Look = z.tuple([z.enum(['frozen', 'trusted']), z.string(), z.string(), z.string()]);
const Strings = z.array(z.string());

/** The history of the store on Redis, as this replica's witness sees it. */
export function redisLineage(calls: RedisCalls, witness: Witness, newer: NewerRecords): StoreLineage {
  /** As it stands in Redis: whoever ends a freeze has to name the one that it is. */
  let text = '';
  return {
    look: async () => {
      const answer = await calls.run(Look, (client, p) => client.serinLook(p, ...witness.args()));
      if (answer.kind !== 'ok') return answer;
      const [kind, first, n, hash] = answer.value;
      if (kind === 'frozen') {
        text = first;
        return { kind: 'ok', value: { frozen: freezeOf(first, witness) } };
      }
      witness.saw(first, n, hash);
      return { kind: 'ok', value: { frozen: null } };
    },
    reconcile: async (change, tables, freeze) => {
      if (text === '' || JSON.stringify(freezeOf(text, witness)) !== JSON.stringify(freeze)) {
        return { kind: 'conflict', key: 'frozen' };
      }
      const { args } = await prepared(change, witness, newer.shapes, { reconciled: { frozen: text, tables } });
      const answer = await calls.run(Strings, (client, p) => client.serinCommit(p, ...args));
      return answer.kind === 'ok' ? commitOutcome(answer.value, witness, newer) : answer;
    },
  };
}
