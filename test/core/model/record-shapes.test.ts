import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { assessSequential } from '../../../src/core/analysis/sequential/live-judge.ts';
import { VerdictSeries } from '../../../src/core/analysis/verdict-series.ts';
import { Chunk, progressGrammar } from '../../../src/core/fleet/ledger-codec.ts';
import { StoredAuditEntry } from '../../../src/core/model/audit.ts';
import { SCHEMA } from '../../../src/core/model/schema.ts';
import { BackendStateRecord, DocumentRecord } from '../../../src/core/model/stored.ts';
import { StoredTraffic, StoredTrial } from '../../../src/core/model/stored-traffic.ts';
import { Decision } from '../../../src/core/replay/decision.ts';
import { BreakerRecord } from '../../../src/core/rollout/breaker.ts';
import { JudgementRecord } from '../../../src/core/rollout/judgement.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { StoredEvent, StoredNotice } from '../../../src/core/rollout/stored-event.ts';
import { exampleLines, shapeLines } from '../../support/shape-lines.ts';

const KEPT = `test/fixtures/shapes/v${SCHEMA.version}.txt`;
const ACCEPT = 'SERIN_ACCEPT_SHAPES';
const HINT = `The shape of records has changed, and the version of the schema has not (src/core/model/schema.ts, ADR 16).
- Was version ${SCHEMA.version} released, and would it misread such a record, or not read it at all? A field that it ignores
  can be one, when it says how a rollout goes or where requests go. Then add version ${SCHEMA.version + 1} to MIGRATIONS: what older
  records get instead, and in \`beyond\` what version ${SCHEMA.version} has to leave alone. What a judge remembers may be forgotten.
- Else it is still version ${SCHEMA.version}: older records must go on being read (an optional field, a default).
Either way, when you have decided: ${ACCEPT}=1 npx vitest run test/core/model/record-shapes.test.ts
`;

/** Two Envoys that were scraped for a while, before and after a first step. */
function memory(): unknown {
  const scrapeMs = 15_000;
  const startMs = 100 * scrapeMs;
  const points = (from: number, by: number): CounterSeries['points'] =>
    Array.from({ length: 40 }, (_, i) => [startMs + i * scrapeMs + 2_000, from + i * by] as const);
  const of = (proxy: string, cluster: string): CounterSeries[] => [
    { proxy, cluster, family: 'upstream_rq_completed', label: '', points: points(10, 100) },
    { proxy, cluster, family: 'upstream_rq_xx', label: '2', points: points(9, 99) },
    { proxy, cluster, family: 'upstream_rq_xx', label: '5', points: points(1, 1) },
    { proxy, cluster, family: 'upstream_rq_time_bucket', label: '250', points: points(8, 90) },
    { proxy, cluster, family: 'upstream_rq_time_bucket', label: '+Inf', points: points(10, 100) },
  ];
  const proxies = ['a', 'b'];
  const uptime = proxies.map((proxy): CounterSeries => {
    return { proxy, cluster: '', family: 'server_uptime', label: '', points: points(100, 15) };
  });
  const committedAtMs = startMs + 10 * scrapeMs;
  const { state } = assessSequential({
    analysis: [
      { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null },
      { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.1, minRequests: null },
    ],
    judge: { name: 'sequential' },
    arms: { stable: 'stable', canary: 'canary' },
    liveAtMs: committedAtMs,
    nowMs: startMs + 40 * scrapeMs,
    scrapeMs,
    counters: {
      kind: 'ok',
      series: [...proxies.flatMap((proxy) => [...of(proxy, 'stable'), ...of(proxy, 'canary')]), ...uptime],
    },
    queries: new Map(),
    proxies,
    ramp: [{ share: 0.5, committedAtMs, liveAtMs: committedAtMs }],
    state: null,
  });
  return JSON.parse(JSON.stringify(state));
}

describe('the shapes of all that is stored', () => {
  it('are those of the version, or somebody has decided otherwise', () => {
    const now = [
      ...shapeLines('document/', DocumentRecord),
      ...shapeLines('backend/', BackendStateRecord),
      ...shapeLines('rollout/', RolloutRecord),
      ...shapeLines('judge/', JudgementRecord),
      ...exampleLines('judge/ (sequential)', memory()),
      ...shapeLines('verdicts/', VerdictSeries),
      ...shapeLines('breaker/', BreakerRecord),
      ...shapeLines('traffic', StoredTraffic),
      ...shapeLines('trial', StoredTrial),
      ...shapeLines('event', StoredEvent),
      ...shapeLines('notice', StoredNotice),
      ...shapeLines('decision', Decision),
      ...shapeLines('audit', StoredAuditEntry),
      ...shapeLines('ledger streams', Chunk),
      ...shapeLines('ledger progress', progressGrammar([])),
    ].join('\n');
    if (process.env[ACCEPT] === '1') writeFileSync(KEPT, `${now}\n`);
    const kept = existsSync(KEPT) ? readFileSync(KEPT, 'utf8').trimEnd() : '';
    expect(now === kept, `${HINT}${difference(kept, now)}`).toBe(true);
  });

  it('stand for something that is kept: an export of every version', () => {
    for (let version = 0; version <= SCHEMA.version; version += 1) {
      const made = `npx tsx tools/store-fixture.ts --out test/fixtures/stores/v${version}.jsonl`;
      expect(existsSync(`test/fixtures/stores/v${version}.jsonl`), made).toBe(true);
    }
  });
});

function difference(kept: string, now: string): string {
  const [before, after] = [new Set(kept.split('\n')), new Set(now.split('\n'))];
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].slice(0, 40).join('\n');
}
