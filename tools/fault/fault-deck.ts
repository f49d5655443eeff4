import { CRASH_POINTS, type CrashPointName } from '../../src/platform/crash-point.ts';
import type { Random } from '../../test/support/random.ts';

export type Fault =
  /** A replica dies at the point it was started with. */
  | { readonly kind: 'point' }
  /** A replica is killed, and dies again on its way back. */
  | { readonly kind: 'recovery'; readonly point: CrashPointName }
  | { readonly kind: 'kill engine' | 'kill all engines' | 'kill store' | 'kill store and engine' | 'kill Envoy' }
  /** Ended in order, or stopped for a while, after which it goes on as if nothing had been. */
  | { readonly kind: 'end engine' | 'stop engine' | 'stop store' | 'stop Envoy' }
  /** The line of an Envoy to the replicas, of one replica to the store, of all of them to Prometheus or the receiver. */
  | { readonly kind: 'cut line' | 'cut store line' | 'cut metrics line' | 'cut receiver line' };

/** How many processes it ends; those that only stop or cut are no crashes. */
export function crashesOf({ kind }: Fault): number {
  switch (kind) {
    case 'point':
    case 'kill engine':
    case 'kill store':
    case 'kill Envoy':
      return 1;
    case 'recovery':
    case 'kill store and engine':
      return 2;
    case 'kill all engines':
      return 3;
    case 'end engine':
    case 'stop engine':
    case 'stop store':
    case 'stop Envoy':
    case 'cut line':
    case 'cut store line':
    case 'cut metrics line':
    case 'cut receiver line':
      return 0;
  }
}

/** What a replica passes before it is ready, or right afterwards. */
const AT_START: readonly [CrashPointName, ...CrashPointName[]] = [
  'before-push',
  'after-push',
  'after-lease',
  'before-commit',
  'after-load',
];

/** Once through: every point, every kind. The order is drawn. */
function round(random: Random): Fault[] {
  const faults: Fault[] = [
    ...times(2 * CRASH_POINTS.length, { kind: 'point' }),
    ...times(3, null).map((): Fault => ({ kind: 'recovery', point: random.pick(AT_START) })),
    ...times(6, { kind: 'kill engine' }),
    { kind: 'kill all engines' },
    ...times(4, { kind: 'kill store' }),
    { kind: 'kill store and engine' },
    ...times(4, { kind: 'kill Envoy' }),
    ...times(2, { kind: 'end engine' }),
    ...times(2, { kind: 'stop engine' }),
    ...times(2, { kind: 'stop store' }),
    ...times(2, { kind: 'stop Envoy' }),
    ...times(2, { kind: 'cut line' }),
    ...times(2, { kind: 'cut store line' }),
    ...times(2, { kind: 'cut metrics line' }),
    ...times(2, { kind: 'cut receiver line' }),
  ];
  return shuffled(faults, random);
}

function times<T extends Fault | null>(count: number, what: T): T[] {
  return Array.from({ length: count }, () => what);
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((item) => [random.next(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);
}

/** Hands out points, each as often as the others; a replica that did not die of its own keeps it. */
export class PointHand {
  private readonly random: Random;
  private readonly held = new Map<string, CrashPointName>();
  private left: CrashPointName[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  of(engine: string): CrashPointName {
    const held = this.held.get(engine);
    if (held !== undefined) return held;
    if (this.left.length === 0) this.left = shuffled(CRASH_POINTS, this.random);
    const next = this.left.pop() ?? CRASH_POINTS[0];
    this.held.set(engine, next);
    return next;
  }

  used(engine: string): void {
    this.held.delete(engine);
  }
}

/** Without an end: one round after the other. */
export function* faults(random: Random): Generator<Fault, never> {
  for (;;) yield* round(random);
}

/** Faults with at least so many crashes among them. */
export function faultDeck(crashes: number, random: Random): Fault[] {
  const deck: Fault[] = [];
  const endless = faults(random);
  for (let sum = 0; sum < crashes; ) {
    const fault = endless.next().value;
    deck.push(fault);
    sum += crashesOf(fault);
  }
  return deck;
}
