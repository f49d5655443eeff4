import { z } from 'zod';
import type { Unavailable } from '../../engine/ports/store.ts';
import type { RedisCalls } from './redis-calls.ts';

export type StoreHealth =
  /** `warnings`: settings that can lose data; each one sentence. */
  | { readonly kind: 'ok'; readonly version: string; readonly warnings: readonly string[] }
  /** Answers, but must not be used: Serin refuses to start on it. */
  | { readonly kind: 'unusable'; readonly detail: string }
  | Unavailable;

const LEAST_VERSION = [6, 2] as const;

/** Judges the server from INFO alone: a restricted user has no CONFIG. */
export async function redisHealth(calls: RedisCalls, asCluster: boolean): Promise<StoreHealth> {
  const answer = await calls.run(z.string(), (client) => client.info());
  return answer.kind === 'ok' ? judgeInfo(answer.value, asCluster) : answer;
}

export function judgeInfo(info: string, asCluster = false): StoreHealth {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const version = fields.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (!(major > LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor >= LEAST_VERSION[1]))) {
    return {
      kind: 'unusable',
      detail: `Redis ${LEAST_VERSION.join('.')} or newer is needed, this is ${version || 'unknown'}`,
    };
  }
  const policy = fields.get('maxmemory_policy');
  if (policy !== 'noeviction') {
    return {
      kind: 'unusable',
      detail: `maxmemory-policy is ${policy ?? 'unknown'}: it must be noeviction, or Redis drops rollouts when memory runs short`,
    };
  }
  if (fields.get('role') !== undefined && fields.get('role') !== 'master') {
    return { kind: 'unusable', detail: 'this Redis is a replica: it takes no writes' };
  }
  if (fields.get('cluster_enabled') === '1' && !asCluster) {
    return { kind: 'unusable', detail: 'this Redis is a node of a cluster: name some of its nodes in redis.cluster' };
  }
  const warnings: string[] = [];
  if (fields.get('aof_enabled') !== '1') {
    warnings.push('appendonly is off: a restart of Redis loses what was decided since its last snapshot');
  } else if (fields.get('aof_last_write_status') !== 'ok') {
    warnings.push('Redis cannot write its append-only file');
  }
  return { kind: 'ok', version, warnings };
}
