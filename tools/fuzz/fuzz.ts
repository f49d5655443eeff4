import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, seeded } from '../../test/support/random.ts';
import { mutate } from './mutate.ts';
import { type Ended, startChild, type TargetChild } from './target-child.ts';

export interface FuzzOptions {
  /** Path of the module that opens the border. */
  readonly module: string;
  /** Folder of inputs to begin with; each is run as it is, then changed. */
  readonly corpus: string;
  readonly seed: number;
  /** Ends with whichever comes first. */
  readonly inputs: number;
  readonly seconds: number;
  readonly limits?: Partial<FuzzLimits>;
}

export interface FuzzLimits {
  /** No answer for so long is a hang. @default 5,000 */
  readonly hangMs: number;
  /** The event loop must not be held longer for one input (I18). @default 250 */
  readonly blockMs: number;
  /** Resident memory of the child, MiB. @default 600 */
  readonly rssMb: number;
}
export const DEFAULT_LIMITS: FuzzLimits = { hangMs: 5_000, blockMs: 250, rssMb: 600 };

export type FindingKind = 'crash' | 'hang' | 'block' | 'memory' | 'broken';

export interface Finding {
  readonly kind: FindingKind;
  readonly detail: string;
  /** As small as it got while it still does the same. */
  readonly input: Buffer;
}

export interface FuzzReport {
  readonly inputs: number;
  /** Of these, those that were not refused; 0 where the target does not say. */
  readonly taken: number;
  readonly longestMs: number;
  readonly rssMb: number;
  readonly findings: readonly Finding[];
}

/** Findings of one run; each costs a child and its shrinking. */
const MAX_FINDINGS = 10;
const MAX_SHRINK_RUNS = 60;

/** Throws seeded inputs at one border, in a process of its own; the same seed throws the same inputs. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const random = seeded(options.seed);
  const corpus = readCorpus(options.corpus);
  const findings: Finding[] = [];
  const endMs = performance.now() + options.seconds * 1_000;
  let child = await startChild(options.module);
  let [ran, taken, longestMs, rssMb] = [0, 0, 0, 0];
  try {
    while (ran < options.inputs && performance.now() < endMs && findings.length < MAX_FINDINGS) {
      const input = next(ran, corpus, random);
      ran += 1;
      let ended = await child.run(input, limits.hangMs);
      if (ended.kind === 'ran' && ended.activeMs > limits.blockMs) {
        // A collection of garbage or a busy machine may have held it: only what does so again is a finding.
        ended = await child.run(input, limits.hangMs);
      }
      if (ended.kind === 'ran') {
        longestMs = Math.max(longestMs, ended.activeMs);
        rssMb = Math.max(rssMb, ended.rssMb);
        if (ended.taken) taken += 1;
      }
      const judged = judge(ended, limits);
      if (judged === null) continue;
      await child.stop();
      findings.push(await shrink(options.module, { ...judged, input }, limits));
      child = await startChild(options.module);
    }
  } finally {
    await child.stop();
  }
  return { inputs: ran, taken, longestMs: Math.round(longestMs), rssMb, findings };
}

export function nameOf({ kind, input }: Finding): string {
  return `${kind}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
}

function readCorpus(folder: string): Buffer[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file)));
}

/** First the corpus as it is, then changed. */
function next(index: number, corpus: readonly Buffer[], random: Random): Buffer {
  const plain = corpus[index];
  if (plain !== undefined) return plain;
  const from = corpus[random.between(0, Math.max(0, corpus.length - 1))] ?? Buffer.from('{}');
  return mutate(from, corpus, random);
}

function judge(ended: Ended, limits: FuzzLimits): Omit<Finding, 'input'> | null {
  if (ended.kind === 'died') return { kind: 'crash', detail: ended.detail };
  if (ended.kind === 'silent') return { kind: 'hang', detail: `no answer within ${limits.hangMs} ms` };
  if (ended.broken !== null) return { kind: 'broken', detail: ended.broken };
  if (ended.rssMb > limits.rssMb) return { kind: 'memory', detail: `grew to ${ended.rssMb} MiB` };
  if (ended.activeMs > limits.blockMs) {
    return { kind: 'block', detail: `held the event loop for up to ${Math.round(ended.activeMs)} ms` };
  }
  return null;
}

/** Leaves out ever smaller parts while the same kind of thing happens. Memory is the work of many inputs: left as is. */
async function shrink(module: string, found: Finding, limits: FuzzLimits): Promise<Finding> {
  if (found.kind === 'memory') return found;
  let best = found;
  let child: TargetChild | null = null;
  let runs = 0;
  try {
    for (
      let size = Math.ceil(best.input.length / 2);
      size >= 1 && runs < MAX_SHRINK_RUNS;
      size = Math.floor(size / 2)
    ) {
      for (let at = 0; at < best.input.length && runs < MAX_SHRINK_RUNS; ) {
        const smaller = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
        child ??= await startChild(module);
        runs += 1;
        const judged = judge(await child.run(smaller, limits.hangMs), limits);
        if (judged !== null) {
          await child.stop();
          child = null;
        }
        if (judged?.kind === found.kind) best = { ...judged, input: smaller };
        else at += size;
      }
    }
  } finally {
    await child?.stop();
  }
  return best;
}
