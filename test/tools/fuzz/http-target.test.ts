import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FuzzTarget } from '../../../tools/fuzz/target.ts';
import openHttp from '../../../tools/fuzz/targets/http.ts';

const CORPUS = resolve('tools/fuzz/corpus/http');
/** These are there to be refused. */
const REFUSED = ['apply-yaml', 'raw', 'start-as-text'];

describe('what the HTTP target throws', () => {
  let target: FuzzTarget;
  beforeAll(async () => {
    target = await openHttp();
  });
  afterAll(() => target.close());

  // Else only the door is tried, and nothing that is behind it.
  it.each(
    readdirSync(CORPUS).filter((seed) => !REFUSED.includes(seed) && !/^(crash|hang|block|memory|broken)-/.test(seed)),
  )('reaches what it is meant for: %s', async (seed) => {
    const input = readFileSync(join(CORPUS, seed));
    await target.prepare?.(input);
    expect(await target.run(input)).toBe(null);
    expect(target.taken?.()).toBe(true);
  });
});
