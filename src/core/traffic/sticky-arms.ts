import { createHash } from 'node:crypto';
import { isSplit, type StepSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import type { PinMatch } from '../model/match.ts';
import type { StickyArms, StickySpec } from '../model/sticky.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { armWeight, CANARY, testedWeight } from '../model/variants.ts';
import { armsOf } from '../rollout/arms.ts';
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

/** A step is sticky only while all arms have a share: else there is nothing to stay with. */
export function stickyArms(rollout: Rollout): StickyArms | undefined {
  const { steps } = rollout.spec.strategy;
  const now = rollout.phase === 'stepping' ? steps[rollout.step] : undefined;
  const spec = now?.sticky;
  if (now === undefined || spec === undefined || !isSplit(now)) return undefined;
  if (spec.by === 'hash') return spec;
  // Who was drawn for the canary would stay with it where its share falls: behind a jump back all are drawn anew.
  const { history } = rollout;
  const falls = history.flatMap(({ step }, i) => (step < (history[i - 1]?.step ?? 0) ? [i] : []));
  const weight = testedWeight(now);
  const before = history
    .slice(falls.at(-1) ?? 0)
    .flatMap(({ step }) => steps[step] ?? [])
    .filter((step) => step.sticky !== undefined && testedWeight(step) > 0 && testedWeight(step) < weight);
  // Weights only rise, so where all arms together have as much as at another step, each of them has.
  const drawn = [...new Map([...before, now].map((step) => [testedWeight(step), step]))].sort(([a], [b]) => a - b);
  return {
    by: 'cookie',
    name: cookieNameOf(spec, rollout.backend),
    tag: createHash('sha256')
      .update(falls.length === 0 ? rollout.id : `${rollout.id}\n${falls.length}`)
      .digest('hex')
      .slice(0, 8),
    maxAgeMs: spec.maxAgeMs ?? rollout.spec.deadlineMs,
    drawn: drawn.map(([tested]) => tested),
    ...(rollout.variants === undefined ? {} : { shares: drawn.map(([, step]) => sharesOf(rollout, step)) }),
  };
}

function sharesOf(rollout: Rollout, step: StepSpec): readonly number[] {
  return armsOf(rollout).map(({ name }) => armWeight(step, name));
}

export function cookieNameOf({ name }: Extract<StickySpec, { by: 'cookie' }>, backend: string): string {
  return name ?? `serin-${backend}`;
}

/**
 * The requests of users who have an arm already come first, then those of the others. Who is not with stable stays there.
 * A user of stable was drawn when the other arms had some share: when that of one grows from `a` to `b`, so many of them
 * move to it as make its share of users `b`, and nobody is drawn twice at one weight. So the shares are right whether
 * users come back or not.
 */
export function choicesOf({ split, sticky, variants = [] }: BackendTraffic): readonly Choice[] {
  const [stable, ...arms] = split;
  if (sticky?.by !== 'cookie' || stable === undefined || arms.length === 0) return [{ match: null, split }];
  const { name, tag, drawn, shares = drawn.map((at) => [at]) } = sticky;
  const cookie = (value: string): PinMatch => ({ headers: [], cookies: [{ name, type: 'Exact', value }] });
  const nameOf = (cluster: string) => variants.find((one) => one.cluster === cluster)?.name ?? CANARY;
  const cookieOf = ({ cluster }: Arm) => (nameOf(cluster) === CANARY ? `${tag}.c` : `${tag}.v-${nameOf(cluster)}`);
  const now = arms.reduce((sum, { weight }) => sum + weight, 0);
  const draw = (weights: readonly number[]): readonly Arm[] => {
    const moved = arms.map((arm, i) => ({ ...arm, weight: weights[i] ?? 0, cookie: issued(sticky, cookieOf(arm)) }));
    const left = moved.reduce((rest, { weight }) => rest - weight, TOTAL_WEIGHT);
    return [{ ...stable, weight: left, cookie: issued(sticky, `${tag}.s${now}`) }, ...moved];
  };
  const whole = (arm: Arm): readonly Arm[] => [{ ...arm, weight: TOTAL_WEIGHT }];
  // Rounded, several of them could be more than all.
  const round = arms.length === 1 ? Math.round : Math.floor;
  const again = (at: number, had: readonly number[]) =>
    draw(arms.map(({ weight }, i) => round(((weight - (had[i] ?? 0)) / (TOTAL_WEIGHT - at)) * TOTAL_WEIGHT)));
  return [
    ...arms.map((arm) => ({ match: cookie(cookieOf(arm)), split: whole(arm) })),
    ...drawn.map((at, i) => ({
      match: cookie(`${tag}.s${at}`),
      split: at === now ? whole(stable) : again(at, shares[i] ?? []),
    })),
    { match: null, split: draw(arms.map(({ weight }) => weight)) },
  ];
}

function issued({ name, maxAgeMs }: Extract<StickyArms, { by: 'cookie' }>, value: string): string {
  return `${name}=${value}; Path=/; Max-Age=${Math.ceil(maxAgeMs / 1_000)}; HttpOnly; SameSite=Lax`;
}

/** Beside the cookies of the service itself. */
export function setCookie(cookie: string): HeaderValueOption {
  return { header: { key: 'set-cookie', value: cookie }, appendAction: 'APPEND_IF_EXISTS_OR_ADD' };
}
