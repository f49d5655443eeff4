import { describe, expect, it } from 'vitest';
import { SCHEMA } from '../../src/core/model/schema.ts';
import type { StoreDump } from '../../src/engine/ports/store-archive.ts';
import { exportText, forward, readExport } from '../../src/engine/store-export.ts';
import { rollout } from '../support/rollouts.ts';
import { without } from '../support/without.ts';

const DUMP: StoreDump = {
  schema: SCHEMA,
  epoch: 'e',
  takenAtMs: 5,
  damage: [],
  lines: [
    { kind: 'record', key: 'rollout/r1', rev: 3, order: 7, body: { text: 'ä\u2028"\n', deep: [1, null] } },
    { kind: 'fleet', fleet: 'edge', n: 4, owners: [{ owner: 'route/a', n: 2, value: {} }], trial: null },
    { kind: 'due', subject: 'rollout/r1', atMs: 9 },
    { kind: 'notice', queue: 'r1~t', notice: {} },
    { kind: 'dead', queue: 'r1~t', detail: 'why', notice: {} },
    { kind: 'event', rolloutId: 'r1', id: '1-1', event: {} },
    { kind: 'audit', id: '1-1', entry: {} },
  ],
};
const TEXT = exportText(DUMP).join('');

describe('an export', () => {
  it('is one JSON object a line, and reads back as it was', () => {
    for (const line of TEXT.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
    expect(readExport(TEXT)).toEqual({ kind: 'ok', value: DUMP });
  });

  it('is read back when there was nothing in the store', () => {
    const empty = { ...DUMP, epoch: null, lines: [] };
    expect(readExport(exportText(empty).join(''))).toEqual({ kind: 'ok', value: empty });
  });

  it.each([
    ['nothing', ''],
    ['something else', 'hello\n'],
    ['a part', TEXT.slice(0, 200)],
    ['all but the last line', `${TEXT.trimEnd().split('\n').slice(0, -1).join('\n')}\n`],
    ['all but one line', TEXT.replace(/^.*"kind":"due".*\n/m, '')],
    ['an edited line', TEXT.replace('"atMs":9', '"atMs":8')],
    ['a line too much', TEXT.replace('\n', '\n{"kind":"due","subject":"rollout/x","atMs":1}\n')],
  ])('of which %s is there is refused', (_what, text) => {
    expect(readExport(text)).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_EXPORT_INVALID' }] });
  });

  it('with a line of an unknown kind is refused by its number', () => {
    const odd = { ...DUMP, lines: [...DUMP.lines, { kind: 'spell' }] } as unknown as StoreDump;
    expect(readExport(exportText(odd).join(''))).toMatchObject({
      errors: [{ message: expect.stringContaining('line 9') }],
    });
  });

  it('of a newer schema is refused with both versions', () => {
    const newer = exportText({ ...DUMP, schema: { version: SCHEMA.version + 1, reader: 0 } }).join('');
    expect(readExport(newer)).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_SCHEMA_NEWER', message: expect.stringContaining(`version ${SCHEMA.version + 1}`) }],
    });
  });

  it('of an older schema is brought forward', () => {
    const old = without(rollout({}), 'drill');
    const line = { kind: 'record', key: 'rollout/r1', rev: 1, order: 1, body: old } as const;
    const [record] = forward({ ...DUMP, schema: { version: 0, reader: 0 }, lines: [line] });
    expect(record).toMatchObject({ body: { drill: null } });
  });
});
