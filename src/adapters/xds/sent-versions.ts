import { type Snapshot, versionOf } from './snapshot.ts';
import { MAX_UNANSWERED, type Wanted } from './subscription.ts';
import type { XdsType } from './xds-types.ts';

/** What is remembered of a response. */
export interface SentVersion {
  readonly version: string;
  /** Whose trial the response was part of. */
  readonly trial: string | null;
}

/** Which version each response of a stream stood for, until it is answered. */
export class SentVersions {
  readonly #byType = new Map<XdsType, (SentVersion & { readonly nonce: string })[]>();

  sent(type: XdsType, nonce: string, sent: SentVersion): void {
    const unanswered = this.#byType.get(type) ?? [];
    unanswered.push({ nonce, ...sent });
    if (unanswered.length > MAX_UNANSWERED) unanswered.shift();
    this.#byType.set(type, unanswered);
  }

  /** The response that is answered; earlier ones are answered along with it. `null`: not known. */
  answered(type: XdsType, nonce: string): SentVersion | null {
    const unanswered = this.#byType.get(type) ?? [];
    if (unanswered[0]?.nonce === nonce) return unanswered.shift() ?? null;
    const index = unanswered.findIndex((one) => one.nonce === nonce);
    return unanswered.splice(0, index + 1).at(-1) ?? null;
  }
}

/** Of all that a stream should hold of a type: the same for every stream that holds the same. */
export function contentVersion(type: XdsType, { versions }: Wanted, snapshot: Snapshot): string {
  const whole = type === 'runtime' ? null : snapshot[type];
  if (whole?.versions === versions) return whole.version;
  return versionOf([...versions].map(([name, version]) => ({ name, version })));
}

/** Of a response that carries all there is of the type; hashed once, not once per stream. `null`: it does not. */
export function wholeVersion(type: XdsType, names: readonly string[], snapshot: Snapshot): string | null {
  if (type === 'runtime') return null;
  const { version, versions } = snapshot[type];
  return names.length === versions.size && names.every((name) => versions.has(name)) ? version : null;
}
