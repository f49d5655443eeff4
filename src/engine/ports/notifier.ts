import type { Notice } from '../../core/rollout/event.ts';

export type Delivery =
  | { readonly kind: 'delivered' }
  /** Worth another try; `afterMs` where the receiver asked for a pause. */
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly detail: string }
  /** No further try can help (410, bad URL, unknown target). */
  | { readonly kind: 'rejected'; readonly detail: string };

export interface Notifier {
  /** Names that plans may use under `notify`. */
  targets(): readonly string[];
  deliver(target: string, notice: Notice, attempt: number): Promise<Delivery>;
}
