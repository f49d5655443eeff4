import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ok } from '../../src/core/model/errors.ts';
import type { EmergencyDesk, EmergencyReport } from '../../src/engine/emergency.ts';
import { parseConfig } from '../../src/platform/config.ts';
import { presentRollout } from '../../src/surfaces/api/present.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { apiServer } from './api-server.ts';
import type { CliRun } from './cli.ts';
import { commandLine } from './command-line.ts';
import { engineRig } from './engine-rig.ts';
import { fakeStore } from './fake-store.ts';

/** What a reader has who goes through a page: its files, and an engine with Envoys that do as they are told. */
export interface PageSession {
  readonly url: string;
  /**
   * Runs what stands behind `serin`. A command that waits for a rollout is left waiting where that waits for a person:
   * `null`, and `ended` has its answer.
   */
  run(args: readonly string[]): Promise<CliRun | null>;
  /** Says yes wherever a yes is missing, until the command that was left waiting is over. */
  ended(): Promise<CliRun>;
  write(file: string, text: string): void;
  /** The id of the rollout that was started last. */
  newest(): Promise<string>;
  /** What the judge says from now on. */
  judged(verdict: 'pass' | 'fail'): void;
  close(): Promise<void>;
}

export async function pageSession(): Promise<PageSession> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-page-'));
  const rig = await engineRig();
  const server = await apiServer(rig.engine, {
    emergency,
    // Time passes at once, but others get their turn.
    pause: () => new Promise<void>((resolve) => setTimeout(resolve, 5)),
  });
  const files = new Set<string>();
  const spare = fakeStore(rig.clock);
  let [into, waiting]: [typeof spare, Promise<CliRun> | null] = [rig.store, null];
  const cli = () =>
    commandLine(server.url, {
      withStore: (_options, work) => work(into.archive),
      askEnvoy: async () => ok({ refusal: null }),
      runEngine: async ({ config }) => {
        const text = config === null ? null : readFileSync(config, 'utf8');
        const parsed = parseConfig({ file: 'serin.yaml', text, env: {}, needRedis: false });
        return parsed.kind === 'ok' ? ok(0) : parsed;
      },
    });
  const newest = async (): Promise<RolloutBody | null> => {
    const read = await rig.engine.rollouts({ backend: null, phase: null, limit: 1, cursor: null });
    const view = read.kind === 'ok' ? read.value.rollouts[0] : undefined;
    return view === undefined ? null : presentRollout(view);
  };
  /** Lets time pass until the command is over, or a person is asked. */
  const follow = async (running: Promise<CliRun>, asks: boolean): Promise<CliRun | null> => {
    let [over, asked]: [CliRun | null, boolean] = [null, false];
    const settled = running.then((run) => {
      over = run;
    });
    let looks = 0;
    await rig.until(async () => {
      looks += 1;
      // A person looks every two seconds; each look reads the store.
      if (over !== null || looks % 8 !== 0) return over !== null;
      asked = asks && ((await newest())?.waitingFor?.includes('the approval of a person') ?? false);
      return asked;
    });
    if (!asked) await settled;
    return over;
  };
  const known = (arg: string): string => (files.has(arg) || arg.endsWith('.jsonl') ? join(folder, arg) : arg);
  return {
    url: server.url,
    run: async (args) => {
      into = args[0] === 'store' && args[1] === 'import' ? spare : rig.store;
      const running = cli().run(...args.map(known));
      const waits = args.includes('--wait');
      const over = await follow(running, waits);
      if (over === null) waiting = running;
      return over === null ? null : { ...over, stdout: over.stdout.replaceAll(`${folder}/`, '') };
    },
    ended: async () => {
      if (waiting === null) throw new Error('no command was left waiting');
      const running = waiting;
      waiting = null;
      for (;;) {
        const over = await follow(running, true);
        if (over !== null) return over;
        const id = (await newest())?.id ?? '';
        await follow(cli().run('rollout', 'approve', id), false);
      }
    },
    write: (file, text) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
      files.add(file).add(file.replace(/[^/]+$/, ''));
    },
    newest: async () => (await newest())?.id ?? '',
    judged: (verdict) => {
      rig.verdict = verdict;
    },
    close: async () => {
      await server.close();
      await rig.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const report: EmergencyReport = {
  decision: { id: 'e1', backend: 'checkout', cluster: 'checkout--v1', by: 'ops', reason: 'x', atMs: 0 },
  journal: { kind: 'durable' },
  held: null,
  fleets: [{ fleet: 'edge', confirmed: ['edge-a', 'edge-b'], unconfirmed: [], elsewhere: [] }],
};

const emergency: EmergencyDesk = { stable: async () => ok(report), end: async () => ok(report), open: () => [report] };
