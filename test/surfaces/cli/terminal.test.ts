import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createTerminal, type Stream } from '../../../src/surfaces/cli/terminal.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeEngine, fleetReport, view } from '../../support/fake-engine.ts';
import { node, planSpec } from '../../support/rollouts.ts';

const SCREEN = { columns: 80, rows: 24 };

function terminal(options: { readonly screen?: { columns: number; rows: number }; readonly colour?: boolean } = {}) {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err'): Stream => ({
    write: (text) => {
      written[name] += text;
    },
    ...(options.screen === undefined ? {} : { isTTY: true, ...options.screen }),
  });
  const made = createTerminal({ out: stream('out'), err: stream('err') }, options.colour ?? false);
  return { ...made, written };
}

describe('streams', () => {
  it('keep data and everything else apart', () => {
    const t = terminal();
    t.out('data');
    t.json({ a: ['ü'] });
    t.err('progress');
    t.errors([{ code: 'SERIN_CONFLICT', message: 'moved on', hint: 'Look again.' }]);
    t.live(['line'], true);
    expect(t.written).toEqual({
      out: 'data\n{"a":["ü"]}\n',
      err: 'progress\nSERIN_CONFLICT moved on (Look again.)\nline\n',
    });
  });
});

describe('live lines', () => {
  it('without a terminal come once each, and again only when more than a number is new', () => {
    const t = terminal();
    t.live(['shop: stepping', '  5 % after 120 ms'], false);
    t.live(['shop: stepping', '  10 % after 99.5 ms', '  paused'], false);
    t.live(['shop: promoted', '  paused'], true);
    expect(t.written.err).toBe('shop: stepping\n  5 % after 120 ms\n  paused\nshop: promoted\n');
  });

  it('on a terminal take the place of those before', () => {
    const t = terminal({ screen: SCREEN });
    t.live(['a', 'b'], false);
    t.live(['c'], true);
    t.live(['d'], false);
    expect(t.written.err).toBe('a\nb\n\u001b[2A\u001b[0Jc\nd\n');
  });

  it('never wrap nor break on a terminal, whatever stands in them', () => {
    const t = terminal({ screen: { columns: 8, rows: 24 } });
    t.live(['1\t2\n3456789'], false);
    expect(t.written.err).toBe('1 2\\u00…\n');
  });
});

describe('colours', () => {
  let server: ApiServer;
  afterEach(() => server.close());
  const coloured = async (options: Parameters<typeof commandLine>[1], ...args: string[]): Promise<boolean> => {
    server = await apiServer(fakeEngine());
    const { stdout } = await commandLine(server.url, options).run('rollout', 'get', 'r1', ...args);
    expect(stripVTControlCharacters(stdout)).toContain('checkout: v1 → v2   pending   r1');
    return stdout.includes('\u001b[');
  };

  it.each([
    ['a terminal', { screen: SCREEN }, [], true],
    ['no terminal', {}, [], false],
    ['NO_COLOR', { screen: SCREEN, env: { NO_COLOR: '1' } }, [], false],
    ['an empty NO_COLOR', { screen: SCREEN, env: { NO_COLOR: '' } }, [], true],
    ['a dumb terminal', { screen: SCREEN, env: { TERM: 'dumb' } }, [], false],
    ['--no-color', { screen: SCREEN }, ['--no-color'], false],
    ['FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, [], true],
    ['FORCE_COLOR against --no-color', { env: { FORCE_COLOR: '1' } }, ['--no-color'], false],
  ])('%s', async (_, options, args, expected) => {
    expect(await coloured(options, ...args)).toBe(expected);
  });
});

/** Clears the screen, sets the title, hides text, goes up a line; the last in its 8-bit form. */
const EVIL = '\u001b[2J\u001b]0;owned\u0007\u001b[8m\r\u009b1A\u0000';
const SHOWN = '\\u001b[2J\\u001b]0;owned\\u0007\\u001b[8m\\u000d\\u009b1A\\u0000';
/** What paint and the live region write themselves. */
const OURS = [...['2', '22', '31', '32', '33', '39'].map((code) => `\u001b[${code}m`), '\u001b[2A\u001b[0J'];

/** Control characters that reach the terminal, line ends and tabs aside. */
function harmful(text: string): string[] {
  const rest = OURS.reduce((left, ours) => left.replaceAll(ours, ''), text);
  return rest.match(/[^\P{Cc}\n\t]/gu) ?? [];
}

describe('control characters of others', () => {
  it('never reach the terminal', () => {
    const control = fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code));
    const text = fc.string({ unit: fc.oneof(control, fc.constantFrom('\u001b', '[', ']', ';', 'm', '2')) });
    fc.assert(
      fc.property(text, (words) => {
        const t = terminal({ screen: SCREEN, colour: true });
        t.out(words);
        t.err(t.paint.bad(words));
        t.json({ [words]: words });
        t.errors([{ code: 'SERIN_INTERNAL', message: words, path: words, place: { file: words, line: 1, column: 1 } }]);
        t.live([words, words], false);
        t.live([words], true);
        expect(harmful(t.written.out)).toEqual([]);
        expect(harmful(t.written.err)).toEqual([]);
        // One line each, whatever was in them.
        expect(t.written.out.split('\n')).toHaveLength(3);
      }),
    );
  });

  it('are still the same JSON', () => {
    const t = terminal();
    t.json({ [EVIL]: EVIL });
    expect(harmful(t.written.out)).toEqual([]);
    expect(JSON.parse(t.written.out)).toEqual({ [EVIL]: EVIL });
  });

  describe('that an engine sends', () => {
    let server: ApiServer;
    let cli: CommandLine;
    afterEach(() => server.close());
    const serve = async (answers: Partial<Engine>) => {
      server = await apiServer(fakeEngine(answers));
      cli = commandLine(server.url, { screen: SCREEN, env: { FORCE_COLOR: '1' } });
    };
    const evilRollout = view({
      phase: 'rolled_back',
      backend: `b${EVIL}`,
      paused: { by: EVIL, reason: EVIL, atMs: 0 },
      cause: { kind: 'nack', summary: EVIL, by: EVIL, atMs: 0, step: 0, verdict: null, node: EVIL },
    });
    const document = { kind: 'Plan' as const, name: 'x', spec: planSpec() };
    const evilNode = node(`n${EVIL}`, {
      envoyVersion: EVIL,
      metricsName: EVIL,
      replicas: [EVIL],
      nack: { position: { epoch: 'e', n: 1 }, type: EVIL, trial: null, message: EVIL, atMs: 0 },
    });
    const match = {
      covered: new Set<string>(),
      withoutSeries: [EVIL],
      withoutNode: [EVIL],
      shared: [{ name: EVIL, nodes: [`n${EVIL}`, EVIL] }],
      nameless: 0,
      near: { node: EVIL, ours: EVIL, theirs: EVIL },
      unnamed: false,
    };
    const report = fleetReport('edge', [evilNode], { coverage: { kind: 'known', match } });
    const differing = {
      fleet: 'edge',
      node: evilNode,
      position: { epoch: 'e', n: 2 },
      trial: { by: EVIL, probe: EVIL, n: 2, changes: [] },
      types: [
        {
          type: 'route' as const,
          kind: 'differs' as const,
          diff: {
            added: [EVIL],
            removed: [EVIL],
            changed: [{ name: EVIL, fields: [{ path: EVIL, from: EVIL, to: EVIL }] }],
          },
        },
        { type: 'cluster' as const, kind: 'unknown' as const, detail: EVIL },
      ],
    };
    const fleet: Partial<Engine> = { fleet: async () => ok(report), nodeDiff: async () => ok(differing) };

    it.each<[string, Partial<Engine>, readonly string[]]>([
      ['a rollout', { rollout: async () => ok({ ...evilRollout, laggards: [EVIL] }) }, ['rollout', 'get', 'r1']],
      ['a watched rollout', { rollout: async () => ok(evilRollout) }, ['rollout', 'watch', 'r1']],
      ['a list', { rollouts: async () => ok({ rollouts: [evilRollout], cursor: null }) }, ['rollout', 'list']],
      ['fleets', fleet, ['fleet', 'list']],
      ['nodes', fleet, ['fleet', 'nodes']],
      ['a node', fleet, ['fleet', 'node', `n${EVIL}`]],
      ['no node', fleet, ['fleet', 'node', EVIL]],
      ['a difference', fleet, ['fleet', 'diff', `n${EVIL}`]],
      ['an error', { rollout: async () => fail('SERIN_CONFLICT', EVIL, { hint: EVIL }) }, ['rollout', 'get', 'r1']],
      ['a document', { document: async () => ok({ rev: 1, document, source: EVIL }) }, ['get', 'plan', 'x']],
    ])('are shown as what they are: %s', async (_, answers, args) => {
      await serve(answers);
      const { stdout, stderr } = await cli.run(...args);
      expect(harmful(stdout)).toEqual([]);
      expect(harmful(stderr)).toEqual([]);
      expect(stdout + stderr).toContain(SHOWN);
    });

    it('are data in JSON, and no more harmful there', async () => {
      await serve(fleet);
      const { stdout } = await cli.run('fleet', 'nodes', '-o', 'json');
      expect(harmful(stdout)).toEqual([]);
      expect(JSON.parse(stdout)).toMatchObject({ nodes: [{ node: `n${EVIL}`, metricsName: EVIL }] });
    });

    it('leave the lines and tabs of a document as they are', async () => {
      await serve({ document: async () => ok({ rev: 1, document, source: 'a: 1\r\n\tb: 2\n\nc: ü\n' }) });
      expect((await cli.run('get', 'plan', 'x')).stdout).toBe('a: 1\n\tb: 2\n\nc: ü\n');
    });
  });
});
