import { USUAL_SCRAPE_MS } from '../core/analysis/sample-health.ts';
import { check } from '../core/manifest/check-yaml.ts';
import type { ConfigFacts } from '../core/manifest/lint/finding.ts';
import type { SourceFile } from '../core/manifest/yaml-source.ts';
import { ok, type Result, type SerinError } from '../core/model/errors.ts';
import { ConfigFile } from './config-grammar.ts';
import { onlyDocument } from './only-document.ts';

/** What plans need to know of `serin.yaml`. No secret is read: whoever checks a plan need not have any. */
export function configFacts(source: SourceFile): Result<ConfigFacts> {
  const only = onlyDocument(source.file, source.text);
  if (only.kind === 'error') return only;
  const yaml = only.value;
  const wrong: SerinError[] = [];
  const config = check(yaml, ConfigFile, yaml.value, '', wrong, 'SERIN_CONFIG_INVALID');
  if (config === null) return { kind: 'error', errors: wrong };
  const scrapeMs = (config.fleets ?? []).map(({ name, metrics }) => {
    const blind = config.prometheus === undefined || metrics === undefined;
    return [name, blind ? null : (metrics.scrapeInterval ?? USUAL_SCRAPE_MS)] as const;
  });
  const notifiers = (config.notifiers ?? []).map(({ name, type = 'slack', secret }, i) => ({
    name,
    // Slack's URL is its secret.
    signed: type !== 'generic' || secret !== undefined,
    place: yaml.placeOf(`notifiers[${i}]`),
  }));
  const hooks = (config.hooks ?? []).map(({ name, secret, headers = {} }, i) => ({
    name,
    // A header of the user's own may be what it is known by.
    signed: secret !== undefined || Object.keys(headers).length > 0,
    place: yaml.placeOf(`hooks[${i}]`),
  }));
  const allowsRawEnvoy = config.xds?.allowRawEnvoy ?? false;
  return ok({ scrapeMs: new Map(scrapeMs), notifiers, hooks, allowsRawEnvoy });
}
