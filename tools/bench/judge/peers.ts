import { classifyMetric, KAYENTA_DEFAULTS } from '../../../src/core/analysis/kayenta/classify.ts';
import { scoreMetrics } from '../../../src/core/analysis/kayenta/score.ts';
import { ARGO_LIMITS, ARGO_START, type ArgoMetric, measureArgo } from '../../../src/core/analysis/threshold/argo.ts';
import { FLAGGER_START, type FlaggerState, tickFlagger } from '../../../src/core/analysis/threshold/flagger.ts';
import { type Contest, type Contestant, content, type Look, ROLLBACK, WAIT } from './contestant.ts';
import { type ArmTraffic, add } from './traffic.ts';
import type { World } from './world.ts';

const PER_MINUTE = 4;
const everywhere = () => true;
const PEER_SHARE = { full: 1, quick: 0.1 };

interface Minute {
  readonly canary: ArmTraffic;
  readonly stable: ArmTraffic;
}

/** Calls `judge` once a minute with what the minute brought. */
function everyMinute(judge: (minute: Minute, look: Look) => ReturnType<Contestant['look']>): Contestant {
  let minute: Minute | null = null;
  return {
    look: (look) => {
      const { fleet } = look;
      minute =
        minute === null
          ? fleet
          : { canary: add(minute.canary, fleet.canary), stable: add(minute.stable, fleet.stable) };
      if (look.scrape % PER_MINUTE !== 0) return WAIT;
      const whole = minute;
      minute = null;
      return judge(whole, look);
    },
  };
}

/** The documented thresholds: 99 % success and a p99 of 500 ms, five failed checks; no data fails. */
export const FLAGGER: Contest = {
  name: 'flagger',
  plays: everywhere,
  share: PEER_SHARE,
  enter: (world) => {
    const settings = { threshold: 5, stepWeight: 1, stepWeights: [], maxWeight: null, stepWeightPromotion: null };
    const edge = edgeIndex(world, 500);
    let state: FlaggerState = { ...FLAGGER_START, weight: 1 };
    return everyMinute(({ canary }, look) => {
      const { completed, bad, slow } = canary;
      const passes = completed > 0 && bad <= 0.01 * completed && (slow[edge] ?? 0) <= 0.01 * completed;
      const tick = tickFlagger(state, passes, settings);
      // The weight is the plan's, as for everybody.
      state = { ...tick.state, weight: 1 };
      if (tick.decision === 'rollback') return ROLLBACK;
      if (tick.decision === 'hold') return WAIT;
      return content(look, PER_MINUTE);
    });
  },
};

function argo(name: string, success: number, failureLimit: number): Contest {
  return {
    name,
    plays: everywhere,
    share: PEER_SHARE,
    enter: () => {
      const limits = { ...ARGO_LIMITS, failureLimit, hasInterval: true };
      let metric: ArgoMetric = ARGO_START;
      return everyMinute(({ canary: { completed, bad } }, look) => {
        const rate = 1 - bad / completed;
        metric = measureArgo(metric, completed === 0 ? 'E' : rate >= success ? 'S' : 'F', limits);
        if (metric.phase !== 'Running') return ROLLBACK;
        return content(look, PER_MINUTE);
      });
    },
  };
}

/** The documented example, and the threshold of the SLO. */
export const ARGO: readonly Contest[] = [argo('argo', 0.95, 3), argo('argo-99', 0.99, 0)];

const EVERY_MINUTES = 5;

/** A sample per minute of the error rate and of the share over 250 ms, judged every five minutes over all of them. */
export const KAYENTA: Contest = {
  name: 'kayenta',
  plays: everywhere,
  share: { full: 0.3, quick: 0.03 },
  enter: (world) => {
    const edge = edgeIndex(world, 250);
    const shares = [
      { name: 'errors', of: (arm: ArmTraffic) => arm.bad },
      { name: 'latency', of: (arm: ArmTraffic) => arm.slow[edge] ?? 0 },
    ];
    const seen: Minute[] = [];
    return everyMinute((minute, look) => {
      seen.push(minute);
      if (seen.length % EVERY_MINUTES === 0) {
        const results = shares.map(({ name, of }) => {
          const samples = (arm: 'canary' | 'stable') => seen.map((one) => of(one[arm]) / one[arm].completed);
          const classified = classifyMetric({ ...KAYENTA_DEFAULTS, name }, samples('stable'), samples('canary'));
          return { ...classified, groups: [name], muted: false };
        });
        const { classification } = scoreMetrics(results, { groupWeights: new Map(), pass: 95, marginal: 75 });
        if (classification === 'Fail') return ROLLBACK;
      }
      return content(look, PER_MINUTE);
    });
  },
};

const Z_LIMIT = 1.96;
const LEAST_REQUESTS = 30;

/** A z-test over everything so far, looked at every minute. */
export const NAIVE: Contest = {
  name: 'naive',
  plays: everywhere,
  share: PEER_SHARE,
  enter: (world) => {
    const edge = edgeIndex(world, 250);
    let all: Minute | null = null;
    return everyMinute((minute, look) => {
      all = all === null ? minute : { canary: add(all.canary, minute.canary), stable: add(all.stable, minute.stable) };
      const { canary, stable } = all;
      const worse = (of: (arm: ArmTraffic) => number) =>
        pooledZ(of(canary), canary.completed, of(stable), stable.completed) > Z_LIMIT;
      const enough = canary.completed >= LEAST_REQUESTS;
      if (enough && (worse((arm) => arm.bad) || worse((arm) => arm.slow[edge] ?? 0))) return ROLLBACK;
      return content(look, PER_MINUTE);
    });
  },
};

function pooledZ(badCanary: number, canary: number, badStable: number, stable: number): number {
  const pooled = (badCanary + badStable) / (canary + stable);
  const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / canary + 1 / stable));
  return deviation > 0 ? (badCanary / canary - badStable / stable) / deviation : 0;
}

function edgeIndex({ edgesMs }: World, edgeMs: number): number {
  return edgesMs.indexOf(edgeMs);
}
