import { formatDuration, parseDuration } from '../../model/duration.ts';
import { API_VERSION } from '../parse-documents.ts';
import type { EffectivePlan } from './effective-plan.ts';
import { below, isTreeList, isTreeMap, Span, type Tree, type TreeMap, Unsaid } from './tree.ts';

/**
 * A Plan document that stands for itself and parses to the same plan. Defaults are marked; those of others are comments,
 * because a plan that says them is another one.
 */
export function planYaml({ name, strategy, written, defaults }: EffectivePlan): readonly string[] {
  const origin =
    strategy === null
      ? []
      : [
          `# The steps are those of strategy ${strategy.name}, with`,
          ...strategy.parameters.map(
            (one) => `#   ${one.name}: ${flow(one.value as Tree)}${one.isDefault ? DEFAULT : ''}`,
          ),
        ];
  return [
    ...(strategy?.parameters.length === 0 ? [`# The steps are those of strategy ${strategy.name}.`] : origin),
    `apiVersion: ${API_VERSION}`,
    'kind: Plan',
    `metadata: { name: ${scalar(name)} }`,
    'spec:',
    ...mapping(written, '', defaults).map(indented),
  ];
}

const DEFAULT = ' # default';

function mapping(map: TreeMap, path: string, defaults: ReadonlySet<string>): string[] {
  return Object.entries(map).flatMap(([key, tree]) => {
    const at = below(path, key);
    const mark = defaults.has(at) ? DEFAULT : '';
    if (!(tree instanceof Unsaid)) return field(key, tree, at, mark, defaults);
    const lines =
      tree.value === null ? [`${scalar(key)}: ${tree.words}${mark}`] : field(key, tree.value, at, mark, defaults);
    return lines.map((line) => `# ${line}`);
  });
}

function field(key: string, tree: Tree, path: string, mark: string, defaults: ReadonlySet<string>): string[] {
  const name = scalar(key);
  if (isTreeMap(tree)) {
    const empty = Object.values(tree).every((value) => value instanceof Unsaid) ? ' {}' : '';
    return [`${name}:${empty}${mark}`, ...mapping(tree, path, defaults).map(indented)];
  }
  if (isTreeList(tree) && tree.some(isTreeMap)) {
    const items = tree.map((item, i) => {
      const at = `${path}[${i}]`;
      return isTreeMap(item) ? mapping(item, at, defaults) : [flow(item)];
    });
    return [
      `${name}:${mark}`,
      ...items.flatMap((lines) => lines.map((line, i) => (i === 0 ? `  - ${line}` : `    ${line}`))),
    ];
  }
  return [`${name}: ${flow(tree)}${mark}`];
}

function indented(line: string): string {
  return `  ${line}`;
}

/** On one line. */
export function flow(tree: Tree): string {
  if (isTreeMap(tree)) {
    const fields = Object.entries(tree).map(([key, value]) => `${scalar(key)}: ${flow(value)}`);
    return `{ ${fields.join(', ')} }`;
  }
  if (isTreeList(tree)) return `[${tree.map(flow).join(', ')}]`;
  if (tree instanceof Span) return formatDuration(tree.ms);
  return scalar(tree);
}

const PLAIN = /^[A-Za-z]([A-Za-z0-9_./ -]*[A-Za-z0-9_./-])?$/;
const OTHER_MEANING = /^(true|false|null)$/i;
/** What YAML takes for a break, or not at all. */
const UNPRINTABLE = /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff\p{Cs}]/gu;

function scalar(value: unknown): string {
  if (typeof value === 'string') {
    const isPlain = PLAIN.test(value) && !OTHER_MEANING.test(value);
    if (isPlain || parseDuration(value) !== null) return value;
    const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return JSON.stringify(value).replace(UNPRINTABLE, escaped);
  }
  return Object.is(value, -0) ? '-0.0' : String(value);
}
