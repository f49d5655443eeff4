import type { LossMode } from '../core/rollout/after-loss.ts';

export interface ReconcileRequest {
  readonly mode: LossMode | 'replay';
  readonly by: string;
}

export interface Reconciled {
  readonly mode: LossMode | 'replay';
  /** Why the store was frozen. */
  readonly freeze: string;
  /** Which commits were written again; `null`: none. */
  readonly replayed: { readonly from: number; readonly to: number } | null;
  readonly backends: readonly { readonly backend: string; readonly summary: string }[];
  /** Routes that the Envoys have and no document says so, or another one: apply them again. */
  readonly routes: readonly string[];
}
