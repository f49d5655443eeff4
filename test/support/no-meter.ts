import type { Dependencies } from '../../src/engine/dependencies.ts';

/** For tests that look at behaviour alone. */
export const noMeter: Dependencies['meter'] = {
  event() {},
  commitConflict() {},
  delivery() {},
  storeUp() {},
  confirmedBack() {},
  lateScrapes() {},
};
