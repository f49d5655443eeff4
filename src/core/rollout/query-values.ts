import type { QueryValues } from '../manifest/render-query.ts';
import type { Rollout } from './rollout.ts';

/** What the placeholders of a custom query stand for in this rollout. */
export function queryValues(
  { backend, canary, stable }: Pick<Rollout, 'backend' | 'canary' | 'stable'>,
  windowMs: number,
): QueryValues {
  const windowSeconds = Math.max(1, Math.round(windowMs / 1000));
  return {
    backend,
    'canary.revision': canary.name,
    'canary.cluster': canary.cluster,
    'stable.revision': stable?.name ?? '',
    'stable.cluster': stable?.cluster ?? '',
    'arm.revision': canary.name,
    'arm.cluster': canary.cluster,
    window: `${windowSeconds}s`,
    'window.seconds': String(windowSeconds),
  };
}
