import type { BackendState } from '../core/model/backend-state.ts';
import { fail } from '../core/model/errors.ts';

interface Asked {
  readonly revision: string;
  readonly build?: number | undefined;
}

/**
 * A trigger that comes late: a newer build was started already. `null`: none was. The same number twice is a pipeline that
 * is run again.
 */
export function staleBuild({ backend, build: newest }: BackendState, { revision, build }: Asked) {
  if (newest == null || build === undefined || build >= newest.number) return null;
  const message = `build ${build} (${revision}) of ${backend} is older than build ${newest.number} (${newest.revision}), which was started already`;
  return fail('SERIN_STALE_TRIGGER', message);
}

/** The backend as it is once that build is started. */
export function withBuild(state: BackendState, { revision, build }: Asked): BackendState {
  return build === undefined ? state : { ...state, build: { number: build, revision } };
}
