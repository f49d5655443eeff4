import { describe, expect, it } from 'vitest';
import { judgeInfo } from '../../../src/adapters/store/redis-health.ts';

const info = (fields: Record<string, string>): string =>
  Object.entries({
    redis_version: '7.2.4',
    maxmemory_policy: 'noeviction',
    role: 'master',
    aof_enabled: '1',
    aof_last_write_status: 'ok',
    ...fields,
  })
    .map(([name, value]) => `${name}:${value}`)
    .join('\r\n');

describe('health of a Redis', () => {
  it('accepts one that keeps everything', () => {
    expect(judgeInfo(info({}))).toEqual({ kind: 'ok', version: '7.2.4', warnings: [] });
  });

  it.each(['6.2.0', '6.10.1', '7.0.15', '10.0.0'])('accepts version %s', (version) => {
    expect(judgeInfo(info({ redis_version: version })).kind).toBe('ok');
  });

  it.each(['6.0.16', '5.0.0', '', 'x'])('refuses version "%s"', (version) => {
    expect(judgeInfo(info({ redis_version: version })).kind).toBe('unusable');
  });

  it.each(['allkeys-lru', 'volatile-ttl', ''])('F7: refuses the memory policy "%s" by name', (policy) => {
    expect(judgeInfo(info({ maxmemory_policy: policy }))).toMatchObject({
      kind: 'unusable',
      detail: expect.stringContaining('maxmemory-policy'),
    });
  });

  it('refuses a replica', () => {
    expect(judgeInfo(info({ role: 'slave' })).kind).toBe('unusable');
  });

  it('warns about a store that forgets at a restart', () => {
    const health = judgeInfo(info({ aof_enabled: '0' }));
    expect(health).toMatchObject({ kind: 'ok', warnings: [expect.stringContaining('appendonly')] });
  });

  it('refuses an answer that is no INFO', () => {
    expect(judgeInfo('nonsense').kind).toBe('unusable');
  });
});
