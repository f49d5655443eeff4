/** How a user stays with one arm. Without it every request is drawn by itself. */
export type StickySpec =
  /** A cookie that Serin's own routes issue. */
  | {
      readonly by: 'cookie';
      /** @default serin-<backend> */
      readonly name?: string;
      /** @default as long as the plan may take */
      readonly maxAgeMs?: number;
    }
  /** The hash of what requests bring with them anyway. */
  | { readonly by: 'hash'; readonly key: StickyKey };

export interface StickyKey {
  readonly by: 'header' | 'cookie';
  readonly name: string;
}

/** What routes need to know of it while a rollout splits the requests. */
export type StickyArms =
  | {
      readonly by: 'cookie';
      readonly name: string;
      /** Of this rollout: cookies of another one say nothing here. */
      readonly tag: string;
      readonly maxAgeMs: number;
      /** Weights of the canary at which users were drawn so far, in basis points, rising; the last is that of now. */
      readonly drawn: readonly number[];
      /**
       * Of a test with variants: for each of `drawn`, which then counts all of them together, what each arm but stable
       * got. @default the canary is alone
       */
      readonly shares?: readonly (readonly number[])[];
    }
  | { readonly by: 'hash'; readonly key: StickyKey };
