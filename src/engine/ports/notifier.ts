import type { Notice } from '../../core/rollout/event.ts';

export type Delivery =
  | { readonly kind: 'delivered' }
  /** Worth another try; `afterMs` where the receiver asked for a pause. */
  | { readonly kind: 'retry'; readonly afterMs: number | null; readonly detail: string }
  /** No further try can help (bad URL, unknown target). `gone`: nor can any other message to that target. */
  | { readonly kind: 'rejected'; readonly detail: string; readonly gone?: true };

export interface Notifier {
  /** Names that plans may use under `notify`. */
  targets(): readonly string[];
  deliver(target: string, notice: Notice, attempt: number): Promise<Delivery>;
}
