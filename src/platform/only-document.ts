import { readYaml, type YamlDocument } from '../core/manifest/yaml-source.ts';
import { fail, type Result } from '../core/model/errors.ts';

/** `serin.yaml` is one document, for the engine and for whoever looks something up in it. */
export function onlyDocument(name: string, text: string): Result<YamlDocument> {
  const { documents, errors } = readYaml({ file: name, text });
  const [document, second] = documents;
  if (second !== undefined) {
    const message = 'expected one YAML document; a second one would be ignored';
    return fail('SERIN_CONFIG_INVALID', message, { place: second.placeOf('') });
  }
  if (document !== undefined) return { kind: 'ok', value: document };
  // The hint of documents would lead nowhere.
  const mine = errors.map((error) =>
    error.code === 'SERIN_DOCUMENT_INVALID' ? { ...error, code: 'SERIN_CONFIG_INVALID' as const } : error,
  );
  return { kind: 'error', errors: mine };
}
