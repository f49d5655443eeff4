import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/engine/ports/logger.ts';
import { humanLog } from '../../src/platform/human-log.ts';
import { createLogger, LOG_LEVELS, type LogLevel } from '../../src/platform/logger.ts';

const SECRET = 'hunter2';

function logger(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLogger({ level, to: { write: (line) => void lines.push(line) } });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('an entry', () => {
  it('is one line of JSON: time, level, service, message, fields', () => {
    const { log, lines, entries } = logger();
    log.warn('rollout held', { rolloutId: 'r1', nodes: ['a\nb'], rev: 3 });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    const [entry = {}] = entries();
    expect(entry).toEqual({
      level: 'warn',
      time: expect.any(String),
      service: 'serin',
      rolloutId: 'r1',
      nodes: ['a\nb'],
      rev: 3,
      msg: 'rollout held',
    });
    expect(new Date(String(entry.time)).toISOString()).toBe(entry.time);
  });

  it('has the fields of its logger first, over generations', () => {
    const { log, entries } = logger();
    log.child({ fleet: 'edge' }).child({ nodeId: 'a' }).info('connected', { n: 1 });
    expect(entries()).toMatchObject([{ fleet: 'edge', nodeId: 'a', n: 1, msg: 'connected' }]);
  });

  it('keeps its message as it is, whatever stands in it', () => {
    const { log, entries } = logger();
    log.info('50 % of %s and %d', { s: 1 });
    expect(entries()[0]?.msg).toBe('50 % of %s and %d');
  });
});

describe('levels', () => {
  const all = (log: Logger): void => {
    log.debug('debug');
    log.info('info');
    log.warn('warn');
    log.error('error');
  };

  it.each(LOG_LEVELS.map((level, i) => [level, LOG_LEVELS.slice(i).filter((one) => one !== 'silent')] as const))(
    '%s writes %j',
    (level, written) => {
      const { log, entries } = logger(level);
      all(log);
      all(log.child({ a: 1 }));
      expect(entries().map((entry) => entry.level)).toEqual([...written, ...written]);
    },
  );
});

describe('secrets', () => {
  it.each(['token', 'secret', 'password', 'authorization', 'url'])('in a field %s are not written', (field) => {
    const { log, lines } = logger();
    log.info('a', { [field]: SECRET });
    log.info('b', { target: { [field]: SECRET } });
    log.child({ [field]: SECRET }).info('c');
    log.child({ target: { [field]: SECRET } }).info('d');
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).toContain('[secret]');
      expect(line).not.toContain(SECRET);
    }
  });

  it('are hidden in the entry alone, not in what the caller holds', () => {
    const fields = { token: SECRET, target: { url: SECRET } };
    logger().log.info('a', fields);
    expect(fields).toEqual({ token: SECRET, target: { url: SECRET } });
  });
});

describe('an Error among the fields', () => {
  it('is written with its name, words and stack', () => {
    const { log, entries } = logger();
    log.error('failed by a bug', { rolloutId: 'r1', cause: new TypeError('no such thing') });
    expect(entries()).toMatchObject([
      {
        rolloutId: 'r1',
        cause: { name: 'TypeError', message: 'no such thing', stack: expect.stringContaining('logger.test.ts') },
      },
    ]);
  });

  it('is bounded, however deep or wordy it is', () => {
    const deep = new Error('x'.repeat(1_000_000));
    deep.stack = `Error: ${deep.message}\n${'    at somewhere (file.ts:1:1)\n'.repeat(10_000)}`;
    const lined = new Error('short');
    lined.stack = `Error: short\n${'    at f (f.ts:1:1)\n'.repeat(1_000)}`;
    const { log, lines, entries } = logger();
    log.error('failed', { deep, lined });
    expect(lines[0]?.length).toBeLessThan(20_000);
    const written = entries().map(({ lined: error }) => (error as Error).stack?.split('\n').length);
    expect(written).toEqual([20]);
  });

  it('may be without a stack', () => {
    const bare = new Error('bare');
    delete bare.stack;
    const { log, entries } = logger();
    log.error('failed', { bare });
    expect(entries()).toMatchObject([{ bare: { name: 'Error', message: 'bare', stack: '' } }]);
  });
});

describe('a logger never throws', () => {
  it.each<[string, () => unknown]>([
    [
      'a circle',
      () => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      },
    ],
    ['a bigint', () => 10n],
    ['nothing', () => undefined],
    ['a function', () => () => 1],
    ['a symbol', () => Symbol('x')],
    ['half a character', () => '\ud800'],
  ])('over %s', (_, make) => {
    const { log, entries } = logger();
    log.info('odd', { value: make() });
    expect(entries()).toMatchObject([{ msg: 'odd' }]);
  });
});

describe('on a terminal', () => {
  it('control characters of others stay words', () => {
    const shown: string[] = [];
    const log = createLogger({ level: 'info', to: humanLog({ write: (text) => shown.push(text) }) });
    log.warn('node refused', { nodeId: 'a\u001b[2J', cluster: 'b\u009b2J \u007f', type: { x: '\u0007' } });
    const plain = stripVTControlCharacters(shown.join(''));
    expect(plain.match(/\p{Cc}/gu)).toEqual(['\n']);
    expect(plain).toContain('nodeId="a\\u001b[2J"');
    expect(plain).toContain('cluster="b\\u009b2J \\u007f"');
  });
});
