import { describe, expect, it } from 'vitest';
import { ALL_WORLDS } from '../../../../tools/bench/judge/contests.ts';
import { parametersOf, parameterWords } from '../../../../tools/bench/judge/parameters.ts';

const named = (name: string) => {
  const world = ALL_WORLDS.find((one) => one.name === name);
  if (world === undefined) throw new Error(`no world ${name}`);
  return world;
};

describe('the parameters of a world', () => {
  it.each([
    ['G1', '200 rps; errors 0.5 / 0.5 %; over 100, 250, 500, 1000 ms 30, 5, 0.4, 0.05 %'],
    ['G4', 'errors 0.5, 5 from 480 s, 0.5 from 720 s / 0.5, 5 from 480 s, 0.5 from 720 s %'],
    ['B6', 'errors 0.5 / 0.5–4 %'],
    ['B8', 'errors 0.5 / 2.5 %; in bursts of 8'],
    ['B9', '30, 5, 0.4, 0.05 / 36, 8, 0.7, 0.09 %'],
    ['G13', 'in the first minute of a step 90, 15, 1.2, 0.15 %'],
    ['B14', '12.5 % reach the canary where 5 % should'],
    ['B11', 'retried 0.5 / 30 %'],
    ['G16', 'over 4 proxies; '],
    ['G16', '10 % of the scrapes missing; 1 % of the proxies restart per scrape; weights taken within 20 s; 33.3 % of'],
  ])('of %s are told in words', (name, words) => {
    expect(parameterWords(named(name))).toContain(words);
  });

  it('are all there as numbers, in every world, and set each apart from every other', () => {
    const all = ALL_WORLDS.map((world) => parametersOf(world));
    for (const one of all) expect(JSON.parse(JSON.stringify(one))).toEqual(one);
    const distinct = new Set(all.map((one) => JSON.stringify({ ...one, about: '' })));
    expect(distinct.size).toBe(all.length);
  });
});
