import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Result } from '../../src/core/model/errors.ts';
import { createClient } from '../../src/surfaces/api/client.ts';
import { until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { type Load, startLoad } from '../support/load.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/** Four services that are rolled out at once, three of them judged, by one Prometheus. */
const undo: Undo[] = [];
const JUDGED = ['shop', 'cart', 'search'] as const;
const SERVICES = [...JUDGED, 'blog'] as const;
const HOLD_MS = 6_000;
let world: Installation;
const loads: Load[] = [];

const address = (revision: string): string => world.upstreams.get(revision)?.address ?? '';

function documents(name: string): string {
  const [step, judge] =
    name === 'blog'
      ? ['approve: true', '']
      : [
          `hold: ${HOLD_MS / 1_000}s`,
          '  judge: { name: threshold }\n  analysis: [{ use: error-rate, with: { max: 0.05, minRequests: 20 } }]\n',
        ];
  return `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec:
  fleet: edge
  hostnames: ["${name}.example.com"]
  rules: [{ name: all, backend: ${name}, timeout: 5s }]
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec:
  initial: { revision: r0, endpoints: { static: ["${address('r0')}"] } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec:
  backend: ${name}
  strategy: { steps: [{ weight: 50, ${step} }] }
${judge}  deadline: 10m
  notify: [deploys]
`;
}

const api = () => createClient({ server: world.server, token: null });

function must<T>(result: Result<T>): T {
  if (result.kind === 'error') throw new Error(result.errors.map(({ message }) => message).join());
  return result.value;
}

beforeAll(async () => {
  world = await startInstallation({
    program: PROGRAM,
    mode: 'serve',
    envoys: 1,
    revisions: ['r0', 'r1'],
    undo,
  });
  must(await api().apply([{ file: 'services.yaml', text: SERVICES.map(documents).join('---\n') }], false));
  const ports = world.envoys.map(({ listenPort }) => listenPort);
  for (const name of JUDGED) {
    const load = startLoad({ ports, host: `${name}.example.com`, path: '/', rate: 60 });
    undo.push(() => load.stop());
    loads.push(load);
  }
  for (const load of loads) {
    await waitFor(() => load.samples.slice(-20).filter(({ status }) => status === 200).length === 20, {
      what: 'traffic',
    });
  }
}, 60_000);

afterAll(async () => {
  await undoAll(undo, () => {});
});

it('F10: many lose their evidence at once: one alert, all hold, and each is judged and held anew afterwards', {
  timeout: 90_000,
}, async () => {
  // given three judged rollouts in their step, and one that nobody judges
  const start = async (plan: string): Promise<string> =>
    must(await api().start({ plan, revision: 'v1', endpoints: [address('r1')] }, null)).id;
  const other = await start('blog');
  const { gate } = await until(world, other, ({ gate, push }) => gate !== null && push?.liveAt != null);
  const ids = await Promise.all(JUDGED.map(start));
  for (const id of ids) await until(world, id, ({ phase, push }) => phase === 'stepping' && push?.liveAt != null);
  const about = (what: string) => world.receiver.messages.filter(({ id }) => id.startsWith(`breaker-${what}-`));
  const told = (what: string) => waitFor(() => about(what).length > 0, { what: `the message that it is ${what}` });

  // when Prometheus goes away for longer than they are held
  await world.prometheus.kill();
  await told('open');
  const openAtMs = Date.now();
  for (const id of ids) {
    await until(world, id, ({ waitingFor }) => waitingFor === 'the evidence that many rollouts lost at once');
  }
  // then what needs no evidence goes on
  must(await api().command(other, 'approve', { gate }));
  await until(world, other, ({ phase }) => phase === 'promoted');
  await waitFor(() => loads.every(({ samples }) => (samples.at(-1)?.sentAtMs ?? 0) > openAtMs + HOLD_MS + 1_000), {
    what: 'the holds to be over',
  });
  for (const id of ids) {
    expect(must(await api().rollout(id))).toMatchObject({ phase: 'stepping', weight: 50, paused: null, cause: null });
  }

  // and when it is back
  await world.prometheus.restart();
  await told('closed');
  const closedAtMs = Number(about('closed')[0]?.id.split('-').at(-1));
  for (const id of ids) {
    await until(world, id, ({ phase }) => phase === 'promoted');
    const { events } = must(await api().events(id, null));
    const promotion = events.find(({ message }) => message.startsWith('promotion'));
    expect(Date.parse(promotion?.at ?? '')).toBeGreaterThanOrEqual(closedAtMs + HOLD_MS);
  }
  expect([about('open').length, about('closed').length]).toEqual([1, 1]);
  expect(about('open')[0]?.text).toContain('3 of 3 judged rollouts lost their evidence at once');
  expect(world.receiver.messages.some(({ text }) => text.includes('is paused'))).toBe(false);
  expect(loads.flatMap(({ samples }) => samples.filter(({ status }) => status !== 200))).toEqual([]);
});
