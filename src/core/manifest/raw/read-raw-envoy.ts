import type { Document } from '../../model/documents.ts';
import type { SerinError } from '../../model/errors.ts';
import {
  RAW_MESSAGES,
  type RawEnvoy,
  type RawPlace,
  type RawProblem,
  type ReadRawEnvoy,
} from '../../model/raw-envoy.ts';
import { pathText } from '../check-yaml.ts';
import type { YamlDocument } from '../yaml-source.ts';
import { ownedProblems } from './owned-fields.ts';

/** More errors of one patch than this help nobody. */
const MAX_PROBLEMS = 20;

/** `off`: the operator allows none. */
export type RawEnvoyRule = ReadRawEnvoy | 'off';

/** The document with its words to Envoy as Serin merges them; what is wrong with them is added to `errors`. */
export function readRawEnvoy<D extends Document>(
  document: D,
  yaml: YamlDocument,
  rule: RawEnvoyRule,
  errors: SerinError[],
): D {
  const read = (place: RawPlace, patch: RawEnvoy | undefined, at: string) => {
    if (patch === undefined) return {};
    if (rule === 'off') {
      errors.push(switchedOff(yaml, at));
      return {};
    }
    const checked = rule(RAW_MESSAGES[place], patch);
    const owned = ownedProblems(place, patch);
    for (const problem of [...owned, ...checked.problems].slice(0, MAX_PROBLEMS)) errors.push(wrong(yaml, at, problem));
    return { rawEnvoy: checked.patch };
  };
  if (document.kind === 'Backend') {
    return { ...document, spec: { ...document.spec, ...read('cluster', document.spec.rawEnvoy, 'spec.rawEnvoy') } };
  }
  if (document.kind !== 'Route') return document;
  const { spec } = document;
  const rules = spec.rules.map((one, i) => ({ ...one, ...read('route', one.rawEnvoy, `spec.rules[${i}].rawEnvoy`) }));
  return { ...document, spec: { ...spec, rules, ...read('virtualHost', spec.rawEnvoy, 'spec.rawEnvoy') } };
}

function switchedOff(yaml: YamlDocument, path: string): SerinError {
  const message = 'rawEnvoy is switched off: the operator has to say xds.allowRawEnvoy: true in serin.yaml';
  return { code: 'SERIN_RAW_ENVOY_OFF', message, path, place: yaml.keyPlaceOf(path) };
}

function wrong(yaml: YamlDocument, at: string, { path, isKey, message }: RawProblem): SerinError {
  const full = `${at}${pathText(path, at)}`;
  const place = isKey ? yaml.keyPlaceOf(full) : yaml.placeOf(full);
  return { code: 'SERIN_DOCUMENT_INVALID', message, path: full, place, hint: HINT };
}

const HINT = 'See "Raw Envoy" in docs/documents.md for what may stand there.';
