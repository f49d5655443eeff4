import { createHash } from 'node:crypto';
import { isSplit, TOTAL_WEIGHT } from '../model/documents.ts';
import type { PinMatch } from '../model/match.ts';
import type { StickyArms, StickySpec } from '../model/sticky.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { HeaderValueOption } from './route-resource.ts';

/** An arm of a split, and the cookie that its answers bring. */
export interface Arm {
  readonly cluster: string;
  readonly weight: number;
  readonly cookie?: string;
}

/** Requests that are told apart, and how they are split. */
export interface Choice {
  /** `null`: all others. */
  readonly match: PinMatch | null;
  readonly split: readonly Arm[];
}

/** A step is sticky only while both arms have a share: else there is nothing to stay with. */
export function stickyArms(rollout: Rollout, weight: number): StickyArms | undefined {
  const { steps } = rollout.spec.strategy;
  const spec = steps[rollout.step]?.sticky;
  if (spec === undefined || !isSplit({ weight })) return undefined;
  if (spec.by === 'hash') return spec;
  // Who was drawn for the canary would stay with it where its share falls: behind a jump back all are drawn anew.
  const { history } = rollout;
  const falls = history.flatMap(({ step }, i) => (step < (history[i - 1]?.step ?? 0) ? [i] : []));
  const before = history
    .slice(falls.at(-1) ?? 0)
    .filter(({ step }) => steps[step]?.sticky !== undefined)
    .map((entry) => entry.weight)
    .filter((drawn) => drawn > 0 && drawn < weight);
  return {
    by: 'cookie',
    name: cookieNameOf(spec, rollout.backend),
    tag: createHash('sha256')
      .update(falls.length === 0 ? rollout.id : `${rollout.id}\n${falls.length}`)
      .digest('hex')
      .slice(0, 8),
    maxAgeMs: spec.maxAgeMs ?? rollout.spec.deadlineMs,
    drawn: [...new Set([...before, weight])].sort((a, b) => a - b),
  };
}

export function cookieNameOf({ name }: Extract<StickySpec, { by: 'cookie' }>, backend: string): string {
  return name ?? `serin-${backend}`;
}

/**
 * The requests of users who have an arm already come first, then those of the others. A user of the canary stays there.
 * A user of stable was drawn at some weight: when that grows from `a` to `b`, so many of them move as make the canary's
 * share of users `b`, and nobody is drawn twice at one weight. So the share is right whether users come back or not.
 */
export function choicesOf({ split, sticky }: BackendTraffic): readonly Choice[] {
  const [stable, canary] = split;
  if (sticky?.by !== 'cookie' || stable === undefined || canary === undefined) return [{ match: null, split }];
  const { name, tag, drawn } = sticky;
  const cookie = (value: string): PinMatch => ({ headers: [], cookies: [{ name, type: 'Exact', value }] });
  const draw = (share: number): readonly Arm[] => [
    { ...stable, weight: TOTAL_WEIGHT - share, cookie: issued(sticky, `${tag}.s${canary.weight}`) },
    { ...canary, weight: share, cookie: issued(sticky, `${tag}.c`) },
  ];
  const whole = (arm: Arm): readonly Arm[] => [{ ...arm, weight: TOTAL_WEIGHT }];
  return [
    { match: cookie(`${tag}.c`), split: whole(canary) },
    ...drawn.map((at) => ({
      match: cookie(`${tag}.s${at}`),
      split:
        at === canary.weight
          ? whole(stable)
          : draw(Math.round(((canary.weight - at) / (TOTAL_WEIGHT - at)) * TOTAL_WEIGHT)),
    })),
    { match: null, split: draw(canary.weight) },
  ];
}

function issued({ name, maxAgeMs }: Extract<StickyArms, { by: 'cookie' }>, value: string): string {
  return `${name}=${value}; Path=/; Max-Age=${Math.ceil(maxAgeMs / 1_000)}; HttpOnly; SameSite=Lax`;
}

/** Beside the cookies of the service itself. */
export function setCookie(cookie: string): HeaderValueOption {
  return { header: { key: 'set-cookie', value: cookie }, appendAction: 'APPEND_IF_EXISTS_OR_ADD' };
}
