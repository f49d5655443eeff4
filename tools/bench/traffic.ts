import { createCodec } from '../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../src/adapters/xds/proto-bundle.ts';
import { parseDocuments } from '../../src/core/manifest/parse-documents.ts';
import type { FleetTable, OwnerTraffic } from '../../src/core/model/traffic.ts';
import { buildResources } from '../../src/core/traffic/build-resources.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { backend, revision, route, rule, table } from '../../test/core/traffic/tables.ts';
import { percentile } from './percentile.ts';

/**
 * `npm run bench:traffic`: what it costs to build and encode a fleet's route table after one weight has changed, and to
 * read a plan file of 192 KiB. A table for people, then one JSON object.
 */
const RULES = [10, 500, 10_000];
const HOSTS = [1, 5, 100];
const ROUNDS = 25;
const RULES_OF_A_BACKEND = 10;

const codec = createCodec(loadProtoBundle(), 'bench');

function arms(name: string, canary: number): OwnerTraffic {
  return backend(name, [
    [revision(name, 'v1'), 10_000 - canary],
    [revision(name, 'v2'), canary],
  ]);
}

function owners(rules: number, hosts: number): OwnerTraffic[] {
  const names = Array.from({ length: Math.ceil(rules / RULES_OF_A_BACKEND) }, (_, i) => `backend-${i}`);
  const routes = Array.from({ length: hosts }, (_, host) => {
    const own = Array.from({ length: rules }, (_, i) => i).filter((i) => i % hosts === host);
    const made = own.map((i) =>
      rule(names[Math.floor(i / RULES_OF_A_BACKEND)] ?? '', {
        name: `rule-${i}`,
        matches: [{ path: { type: 'PathPrefix', value: `/path/${i}` }, headers: [], queryParams: [] }],
      }),
    );
    return route(`host-${host}`, made, [`h${host}.example.com`]);
  });
  return [...names.map((name) => arms(name, 0)), ...routes.filter(({ spec }) => spec.rules.length > 0)];
}

/** The table with another weight of its first backend; all other owners are the same objects, as the store gives them. */
function withWeight(from: FleetTable, canary: number): FleetTable {
  const n = from.position.n + 1;
  const changed = new Map(from.owners).set('backend/backend-0', { n, value: arms('backend-0', canary) });
  return { ...from, position: { ...from.position, n }, owners: changed };
}

function measure(rules: number, hosts: number) {
  let now = table(1, owners(rules, hosts));
  const step = () => {
    const startMs = performance.now();
    const built = buildResources(now);
    const builtMs = performance.now();
    const [config] = built.kind === 'ok' ? built.value.routes : [];
    if (config === undefined) throw new Error('the table is refused');
    const { bytes } = codec.encodeResource('route', 'edge', config);
    return { buildMs: builtMs - startMs, encodeMs: performance.now() - builtMs, bytes: bytes.length };
  };
  const first = step();
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    now = withWeight(now, 100 * (round + 1));
    return step();
  });
  const middle = (of: (one: (typeof rounds)[number]) => number) => round3(percentile(rounds.map(of), 0.5));
  return {
    rules,
    hosts,
    buildMs: middle(({ buildMs }) => buildMs),
    encodeMs: middle(({ encodeMs }) => encodeMs),
    bytes: rounds.at(-1)?.bytes ?? 0,
    firstBuildMs: round3(first.buildMs),
    firstEncodeMs: round3(first.encodeMs),
  };
}

/** A file as large as that, with plans of inline steps. */
function parseFile() {
  const plan = (i: number) => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: plan-${i} }
spec:
  backend: shop
  strategy:
    steps:
${Array.from({ length: 40 }, (_, k) => `      - { name: step-${k}, weight: ${k}, hold: 5m, until: { requests: 500, atMost: 1h } }`).join('\n')}
  analysis: [{ use: error-rate }, { use: latency, with: { objective: 250ms } }]
`;
  const plans: string[] = [];
  let size = 0;
  while (size < 192 * 1024) {
    const next = plan(plans.length);
    plans.push(next);
    size += next.length + 4;
  }
  const text = plans.join('---\n').slice(0, 256 * 1024);
  const times = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    const parsed = parseDocuments([{ file: 'plans.yaml', text }], strategies);
    if (parsed.kind === 'error') throw new Error(parsed.errors[0]?.message);
    return performance.now() - startMs;
  });
  return { bytes: text.length, documents: plans.length, parseMs: round3(percentile(times, 0.5)) };
}

function round3(value: number): number {
  return Math.round(value * 1e3) / 1e3;
}

const strategies = shippedStrategies();
const runs = RULES.flatMap((rules) => HOSTS.filter((hosts) => hosts <= rules).map((hosts) => measure(rules, hosts)));
console.table(runs);
const file = parseFile();
console.log(
  `a plan file of ${file.bytes} bytes, ${file.documents} documents: ${file.parseMs} ms to parse and validate`,
);
console.log(JSON.stringify({ runs, file }));
