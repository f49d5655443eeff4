import type { BoolValue, Duration, Typed, UInt32Value } from './proto-values.ts';

export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly contains: string }
  | { readonly safeRegex: { readonly regex: string } };

export type HeaderMatcher = { readonly name: string } & (
  | { readonly stringMatch: StringMatch }
  | { readonly presentMatch: boolean }
  | { readonly rangeMatch: { readonly start: number; readonly end: number } }
);

export type QueryMatcher = { readonly name: string } & (
  | { readonly stringMatch: StringMatch }
  | { readonly presentMatch: true }
);

export type PathSpecifier =
  | { readonly prefix: string }
  | { readonly path: string }
  | { readonly pathSeparatedPrefix: string }
  | { readonly safeRegex: { readonly regex: string } };

export type RouteMatch = PathSpecifier & {
  readonly headers?: readonly HeaderMatcher[];
  readonly queryParameters?: readonly QueryMatcher[];
  readonly grpc?: Readonly<Record<string, never>>;
};

export interface HeaderFields {
  readonly requestHeadersToAdd?: readonly HeaderValueOption[];
  readonly requestHeadersToRemove?: readonly string[];
  readonly responseHeadersToAdd?: readonly HeaderValueOption[];
  readonly responseHeadersToRemove?: readonly string[];
}

/** One route of a virtual host, in the shape of `envoy.config.route.v3.Route`. */
export interface RouteResource extends HeaderFields {
  readonly name: string;
  readonly match: RouteMatch;
  readonly route?: RouteAction;
  readonly redirect?: RedirectAction;
  readonly directResponse?: { readonly status: number; readonly body: { readonly inlineString: string } };
  readonly typedPerFilterConfig?: Readonly<Record<string, Typed<string>>>;
}

export interface RouteAction extends PathRewrite {
  readonly timeout: Duration;
  readonly idleTimeout?: Duration;
  readonly maxStreamDuration?: { readonly maxStreamDuration: Duration };
  readonly cluster?: string;
  readonly weightedClusters?: {
    readonly clusters: readonly WeightedCluster[];
    /** The hash policy chooses among them, and not chance. Envoy knows it since 1.36. */
    readonly useHashPolicy?: BoolValue;
  };
  readonly hostRewriteLiteral?: string;
  readonly retryPolicy?: {
    readonly retryOn: string;
    readonly numRetries: UInt32Value;
    readonly perTryTimeout?: Duration;
    readonly retriableStatusCodes?: readonly number[];
  };
  readonly requestMirrorPolicies?: readonly {
    readonly cluster: string;
    readonly runtimeFraction: { readonly defaultValue: FractionalPercent };
  }[];
  readonly hashPolicy?: readonly HashPolicy[];
  readonly upgradeConfigs?: readonly { readonly upgradeType: string }[];
}

export interface WeightedCluster extends HeaderFields {
  readonly name: string;
  readonly weight: UInt32Value;
}

export type HashPolicy = { readonly terminal: true } & (
  | { readonly header: { readonly headerName: string } }
  | { readonly cookie: { readonly name: string } }
  | { readonly queryParameter: { readonly name: string } }
  | { readonly connectionProperties: { readonly sourceIp: true } }
);

export interface PathRewrite {
  readonly prefixRewrite?: string;
  readonly regexRewrite?: { readonly pattern: { readonly regex: string }; readonly substitution: string };
}

export interface RedirectAction extends PathRewrite {
  readonly responseCode: 'MOVED_PERMANENTLY' | 'FOUND' | 'SEE_OTHER' | 'TEMPORARY_REDIRECT' | 'PERMANENT_REDIRECT';
  readonly schemeRedirect?: string;
  readonly hostRedirect?: string;
  readonly portRedirect?: number;
  readonly pathRedirect?: string;
  readonly stripQuery?: true;
}

export interface HeaderValueOption {
  readonly header: { readonly key: string; readonly value: string };
  readonly appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' | 'APPEND_IF_EXISTS_OR_ADD';
}

export interface FractionalPercent {
  readonly numerator: number;
  readonly denominator: 'TEN_THOUSAND';
}
