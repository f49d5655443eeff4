/** How one header or query parameter is compared. Words of Gateway API where it has one. */
export type ValueMatch =
  | { readonly name: string; readonly type: 'Exact' | 'Prefix' | 'RegularExpression'; readonly value: string }
  | { readonly name: string; readonly type: 'Present' };

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
}

/** Which requests a step pins to the canary, on top of its weight. AND inside, OR between. */
export interface PinMatch {
  readonly headers: readonly ValueMatch[];
}
