import { parseEvent, parseNotice, parseOwner, parseTrial } from '../../../src/adapters/store/stored-values.ts';
import { createCodec } from '../../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { buildSnapshot } from '../../../src/adapters/xds/snapshot.ts';
import { decodeChunk, decodeProgress } from '../../../src/core/fleet/ledger-codec.ts';
import { BackendStateRecord, DocumentRecord } from '../../../src/core/model/stored.ts';
import type { OwnerTraffic, TrafficOwner } from '../../../src/core/model/traffic.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { parse } from '../../../src/engine/load.ts';
import type { OpenTarget } from '../target.ts';

const RECORDS = [DocumentRecord, RolloutRecord, BackendStateRecord];

/** What Redis holds, changed by somebody else: read in full or refused, and never half believed. */
const open: OpenTarget = async () => {
  const codec = createCodec(loadProtoBundle(), 'fuzz');
  return {
    async run(input) {
      const text = input.toString('utf8');
      decodeChunk(text, 0);
      decodeProgress(text);
      parseNotice(text);
      parseEvent(text);
      parseTrial(text);
      const owner = parseOwner(text);
      if (owner.kind === 'ok') build(owner.value.value);
      try {
        const body: unknown = JSON.parse(text);
        for (const schema of RECORDS) parse<unknown>({ key: 'rollout/r1', rev: 1, body }, schema);
      } catch (cause) {
        if (!(cause instanceof SyntaxError)) throw cause;
      }
      return null;
    },
    close: async () => {},
  };

  function build(value: OwnerTraffic): void {
    const owners = new Map<TrafficOwner, { n: number; value: OwnerTraffic }>([['route/shop', { n: 1, value }]]);
    const position = { epoch: 'e', n: 1 };
    const built = buildResources({ fleet: 'edge', position, trial: null, owners });
    if (built.kind === 'ok') buildSnapshot(built.value, position, 1, codec, null);
  }
};
export default open;
