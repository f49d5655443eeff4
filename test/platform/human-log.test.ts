import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { humanLine } from '../../src/platform/human-log.ts';

const plain = (entry: unknown): string => stripVTControlCharacters(humanLine(`${JSON.stringify(entry)}\n`));

describe('humanLine', () => {
  it('passes on what is no log line', () => {
    expect(humanLine('Segmentation fault\n')).toBe('Segmentation fault\n');
  });

  it('shows time, level, message and fields', () => {
    const entry = {
      level: 'warn',
      time: '2026-01-02T03:04:05.678Z',
      service: 'serin',
      rolloutId: 'r1',
      nodes: 2,
      detail: 'HTTP 503 for 3 s',
      msg: 'message not delivered',
    };
    expect(plain(entry)).toBe(
      '03:04:05  warn   message not delivered  rolloutId=r1  nodes=2  detail="HTTP 503 for 3 s"\n',
    );
  });

  it('keeps every entry on one line', () => {
    expect(plain({ level: 'error', time: '2026-01-02T03:04:05.678Z', msg: 'x', stack: 'a\nb' })).toBe(
      '03:04:05  error  x  stack="a\\nb"\n',
    );
  });
});
