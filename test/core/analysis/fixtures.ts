import { readFileSync } from 'node:fs';

/** Cases of the peers' own suites, and the golden numbers: data, read group by group. */
export function oracle<T>(peer: 'argo' | 'flagger' | 'kayenta'): T {
  return JSON.parse(readFileSync(`test/fixtures/oracles/${peer}.json`, 'utf8')) as T;
}

export interface GoldenCase<I, E> {
  readonly input: I;
  readonly expected: E;
}

export function golden<I, E>(group: string): readonly GoldenCase<I, E>[] {
  const table = JSON.parse(readFileSync('test/fixtures/golden/golden.json', 'utf8')) as {
    groups: Record<string, GoldenCase<I, E> | { readonly cases: readonly GoldenCase<I, E>[] }>;
  };
  const found = table.groups[group];
  if (found === undefined) throw new Error(`no golden group ${group}`);
  return 'cases' in found ? found.cases : [found];
}
