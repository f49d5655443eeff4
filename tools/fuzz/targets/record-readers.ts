import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { checkedLine } from '../../../src/adapters/disk/checked-line.ts';
import { emergencyJournal } from '../../../src/adapters/disk/emergency-journal.ts';
import { witnessFile } from '../../../src/adapters/disk/witness-file.ts';
import { slackLegacyMessage, slackMessage } from '../../../src/adapters/notify/slack-message.ts';
import { unpackDecision } from '../../../src/adapters/store/pack-decision.ts';
import {
  type Parsed,
  parseAuditEntry,
  parseEvent,
  parseJson,
  parseNotice,
  parseOwner,
  parseTrial,
} from '../../../src/adapters/store/stored-values.ts';
import { createCodec } from '../../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { buildSnapshot } from '../../../src/adapters/xds/snapshot.ts';
import { judgeByPlan } from '../../../src/core/analysis/judge-by-plan.ts';
import { sequentialFromMs, sequentialSample } from '../../../src/core/analysis/sequential/live-judge.ts';
import { VerdictSeries } from '../../../src/core/analysis/verdict-series.ts';
import { decodeChunk, decodeProgress } from '../../../src/core/fleet/ledger-codec.ts';
import { freezeSummary, parseFreeze } from '../../../src/core/model/freeze.ts';
import { SHAPES } from '../../../src/core/model/schema.ts';
import { BackendStateRecord, DocumentRecord } from '../../../src/core/model/stored.ts';
import type { OwnerTraffic, TrafficOwner } from '../../../src/core/model/traffic.ts';
import { replay } from '../../../src/core/replay/replay.ts';
import { BreakerRecord } from '../../../src/core/rollout/breaker.ts';
import { foldNotices } from '../../../src/core/rollout/fold-notices.ts';
import { JudgementRecord } from '../../../src/core/rollout/judgement.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { parse } from '../../../src/engine/load.ts';
import { forward, readExport } from '../../../src/engine/store-export.ts';
import { verifyStore } from '../../../src/engine/verify-store.ts';
import { iso, presentEvent, presentPoint, presentRollout } from '../../../src/surfaces/api/present.ts';
import { fakeClock } from '../../../test/support/fake-clock.ts';
import { quiet } from '../../../test/support/quiet-logger.ts';

/** Reads a text as one kind of record, does with it what Serin does, and says whether it was taken. */
export type Reader = (text: string) => boolean | Promise<boolean>;

const codec = createCodec(loadProtoBundle(), 'fuzz');

export const READERS: Readonly<Record<string, Reader>> = {
  owner: (text) => used(parsedOf(parseOwner('route/shop', text, SHAPES)), ({ value }) => build(value)),
  trial: (text) => parseTrial(text, SHAPES).kind === 'ok',
  chunk: (text) => decodeChunk(text, 0).kind === 'ok',
  progress: (text) => decodeProgress(text).kind === 'ok',
  document: (text) => as(DocumentRecord, text) !== null,
  backend: (text) => as(BackendStateRecord, text) !== null,
  rollout: (text) => used(as(RolloutRecord, text), (rollout) => presentRollout({ rev: 1, rollout, laggards: [] })),
  notice: (text) =>
    used(parsedOf(parseNotice(text)), (notice) => {
      slackMessage(notice);
      slackLegacyMessage(notice);
      foldNotices([notice, notice]);
    }),
  event: (text) => used(parsedOf(parseEvent(text)), (event) => presentEvent('1-0', event)),
  judgement: (text) =>
    used(as(JudgementRecord, text), ({ state }) => [sequentialFromMs(state, 1, 1_000), sequentialSample(state)]),
  verdicts: (text) => used(as(VerdictSeries, text), ({ points }) => points.map(presentPoint)),
  breaker: (text) => as(BreakerRecord, text) !== null,
  audit: (text) => used(parsedOf(parseAuditEntry(text)), ({ atMs }) => iso(atMs)),
  freeze: (text) => freezeSummary(parseFreeze(text)) !== '',
  /** Whole, and a line of an export for each decision. */
  decisions: (text) => {
    const kept = text.split('\n').map((one) => ({ looks: 1, text: one }));
    return replay(kept, { judge: judgeByPlan }).decisions > 0;
  },
  'packed decision': async (text) => (await unpackDecision(text)).kind === 'ok',
  export: (text) => {
    readExport(text);
    const read = readExport(sealed(text));
    if (read.kind === 'error') return false;
    verifyStore(read.value);
    forward(read.value);
    return true;
  },
};

/** Files of a replica. Their lines are hashed: what is changed is refused, unless whoever changed it hashed it too. */
export function diskReaders(): { readonly readers: Readonly<Record<string, Reader>>; close(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'serin-fuzz-'));
  const place = (file: string, text: string) => {
    const lines = text.split('\n').map((one) => {
      const json = one.startsWith('{') ? jsonOf(one) : undefined;
      return json === undefined ? one : checkedLine(json).trimEnd();
    });
    writeFileSync(join(folder, file), lines.join('\n'));
  };
  return {
    readers: {
      journal: async (text) => {
        place('emergency.jsonl', text);
        return (await emergencyJournal(folder).load()).open.length > 0;
      },
      witness: async (text) => {
        place('witness', text);
        const loaded = await witnessFile({ folder, store: 'redis://a', clock: fakeClock(), logger: quiet }).load();
        return loaded.kind === 'ok' && loaded.value !== null;
      },
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** With an end that belongs to it: else nothing that is changed would be read. */
function sealed(text: string): string {
  const body = text.split('\n').filter((line) => line !== '' && !line.startsWith('{"end"'));
  const hash = createHash('sha256');
  for (const line of body) hash.update(`${line}\n`);
  const end = { end: 'serin-store', lines: body.length - 1, sha256: hash.digest('hex') };
  return `${[...body, JSON.stringify(end)].join('\n')}\n`;
}

/** A table with this one owner, down to the bytes that Envoys would get. */
function build(value: OwnerTraffic): void {
  const owners = new Map<TrafficOwner, { n: number; value: OwnerTraffic }>([['route/shop', { n: 1, value }]]);
  const position = { epoch: 'e', n: 1 };
  const built = buildResources({ fleet: 'edge', position, trial: null, owners });
  if (built.kind === 'ok') buildSnapshot(built.value, position, 1, codec, null);
}

function jsonOf(text: string): unknown {
  const parsed = parseJson(text);
  return parsed.kind === 'ok' ? parsed.value : undefined;
}

function as<T>(schema: z.ZodType<T>, text: string): T | null {
  const parsed = parse({ key: 'rollout/any', rev: 1, body: jsonOf(text) ?? null }, schema);
  return parsed.kind === 'ok' ? parsed.value.body : null;
}

function parsedOf<T>(parsed: Parsed<T>): T | null {
  return parsed.kind === 'ok' ? parsed.value : null;
}

function used<T>(value: T | null, use: (value: T) => unknown): boolean {
  if (value !== null) use(value);
  return value !== null;
}
