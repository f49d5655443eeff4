/**
 * How one header, query parameter or cookie is compared. Words of Gateway API where it has one. `Range` takes whole
 * numbers from `start` to below `end`; `Absent` matches what is not there. A header that is not there matches nothing
 * else.
 */
export type ValueMatch =
  | {
      readonly name: string;
      readonly type: 'Exact' | 'Prefix' | 'Suffix' | 'Contains' | 'RegularExpression';
      readonly value: string;
    }
  | { readonly name: string; readonly type: 'Present' }
  | { readonly name: string; readonly type: 'Absent' }
  | { readonly name: string; readonly type: 'Range'; readonly start: number; readonly end: number };

/** `PathPrefix` matches whole path elements (`/a` matches `/a` and `/a/b`, not `/ab`), as in Gateway API. */
export interface PathMatch {
  readonly type: 'PathPrefix' | 'Exact' | 'RegularExpression';
  readonly value: string;
}

/** Everything inside one match must hold (AND); a list of matches is an OR. */
export interface RequestMatch {
  readonly path?: PathMatch;
  readonly method?: string;
  readonly headers: readonly ValueMatch[];
  readonly queryParams: readonly ValueMatch[];
  /** `Exact`, `RegularExpression` or `Present`. */
  readonly cookies?: readonly ValueMatch[];
  /** Calls of gRPC alone; the path then says which. */
  readonly grpc?: true;
}

/** Which requests a step pins to an arm, on top of its weight. AND inside, OR between. */
export interface PinMatch extends Pick<RequestMatch, 'headers' | 'cookies' | 'method' | 'path'> {
  readonly queryParams?: RequestMatch['queryParams'];
  /** @default the canary */
  readonly arm?: string;
}
