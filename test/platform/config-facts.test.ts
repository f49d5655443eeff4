import { describe, expect, it } from 'vitest';
import { configFacts } from '../../src/platform/config-facts.ts';

const CONFIG = `prometheus: { url: "http://127.0.0.1:9090" }
fleets: [{ name: edge, metrics: { selector: { job: envoy }, scrapeInterval: 5s } }]
`;

describe('what plans need to know of a configuration', () => {
  it('is told of one document', () => {
    const facts = configFacts({ file: 'serin.yaml', text: CONFIG });
    expect(facts).toMatchObject({ kind: 'ok', value: { scrapeMs: new Map([['edge', 5_000]]) } });
  });

  it('is not told of several: the engine would not start with them', () => {
    const facts = configFacts({ file: 'serin.yaml', text: `${CONFIG}---\nfleets: []\n` });
    expect(facts).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_CONFIG_INVALID', place: { file: 'serin.yaml', line: 4 } }],
    });
  });

  it.each([
    ['nothing', '', 'SERIN_CONFIG_INVALID'],
    ['no YAML', 'fleets: [', 'SERIN_YAML_SYNTAX'],
    ['what is no configuration', 'fleet: []', 'SERIN_CONFIG_INVALID'],
  ])('is not told of %s', (_, text, code) => {
    const facts = configFacts({ file: 'serin.yaml', text });
    expect(facts.kind === 'error' && facts.errors.map(({ code }) => code)).toContain(code);
  });
});
