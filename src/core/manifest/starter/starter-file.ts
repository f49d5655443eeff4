import { formatDuration } from '../../model/duration.ts';
import { flow } from '../effective/plan-yaml.ts';
import type { Tree } from '../effective/tree.ts';
import { API_VERSION } from '../parse-documents.ts';
import { BakeGrammar } from '../plan-grammar.ts';
import { StepsGrammar } from '../steps-grammar.ts';
import { describeParameter, expandStrategy, type StrategySpec } from '../strategy-grammar.ts';

/** What a first file is about. */
export interface StarterChoice {
  readonly backend: string;
  readonly fleet: string;
  readonly hostname: string;
  readonly strategy: { readonly name: string; readonly spec: StrategySpec };
}

/** Where `serin schema documents` is expected: beside the file. */
export const SCHEMA_FILE = 'serin.schema.json';

/** Route, Backend and Plan as somebody begins with them: whole, valid, and with the reasons beside the fields. */
export function starterFile(choice: StarterChoice): string {
  const { backend, fleet, hostname, strategy } = choice;
  return `# yaml-language-server: $schema=${SCHEMA_FILE}
# Editors complete and explain these fields by that schema: serin schema documents > ${SCHEMA_FILE}
# All fields are described in docs/documents.md.

# Which requests go to which backend.
apiVersion: ${API_VERSION}
kind: Route
metadata: { name: ${flow(backend)} }
spec:
  # A group of Envoys, as serin.yaml has it.
  fleet: ${flow(fleet)}
  hostnames: [${flow(hostname)}]
  rules:
    - name: all
      matches: [{ path: { type: PathPrefix, value: / } }]
      backend: ${flow(backend)}
      timeout: 15s
---
# A service that receives traffic, and where its revisions run.
apiVersion: ${API_VERSION}
kind: Backend
metadata: { name: ${flow(backend)} }
spec:
  # Each revision has a name of its own in DNS: here it is ${backend}-v1 for the revision v1.
  endpoints: { dns: "${backend}-{{ revision }}:8080" }
  # Without one, every endpoint counts as healthy.
  healthCheck: { path: / }
  # The revision that gets all requests while there is none; read only until then.
  initial: v1
---
# How a new revision is rolled out. All of it with every default: serin plan show <this file>
apiVersion: ${API_VERSION}
kind: Plan
metadata: { name: ${flow(backend)} }
spec:
  backend: ${flow(backend)}
  strategy:
    use: ${flow(strategy.name)}
${strategyLines(strategy.spec)
  .map((line) => `    ${line}\n`)
  .join('')}  # What has to be good while the new revision gets requests, compared with stable on the same Envoys.
  analysis:
    - use: error-rate
    # Add with: { objective: 250ms } for a limit that you promise; else it is compared with stable alone.
    - use: latency
  # From the start; what is not promoted by then is rolled back. It has to be longer than all holds.
  deadline: ${deadlineOf(strategy.spec)}
  # Notifiers of serin.yaml that hear of it.
  # notify: [deploys]
`;
}

function strategyLines({ description, parameters = {} }: StrategySpec): string[] {
  const declared = Object.entries(parameters);
  return [
    ...(description === undefined ? [] : comment(description)),
    ...(declared.length === 0
      ? []
      : comment('Its parameters with their defaults; take the # from "with" and from those that are to be others:')),
    ...(declared.length === 0 ? [] : ['# with:']),
    ...declared.flatMap(([name, parameter]) => [
      ...comment(`${parameter.description ?? name} (${fitting(parameter)})`, '#   # '),
      `#   ${name}: ${parameter.default === undefined ? '(required)' : flow(parameter.default as Tree)}`,
    ]),
  ];
}

/** Type and range; some types are said by their range. */
function fitting(parameter: NonNullable<StrategySpec['parameters']>[string]): string {
  const range = describeParameter(parameter);
  return range.startsWith(parameter.type) ? range : `${parameter.type}: ${range}`;
}

const WIDTH = 110;

/** Words on as many lines as they take. */
function comment(text: string, begin = '# '): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || begin.length + last.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => `${begin}${line}`);
}

const HOUR = 3_600_000;

/** Twice the holds, so that slow evidence has its time; a day where people have to be found. */
function deadlineOf(spec: StrategySpec): string {
  const { steps, bake } = expandStrategy(spec, {});
  const expanded = StepsGrammar.parse(steps);
  const holdsMs = expanded.reduce((sum, { holdMs }) => sum + holdMs, BakeGrammar.optional().parse(bake) ?? 0);
  const least = expanded.some(({ approve }) => approve) ? 24 * HOUR : 2 * HOUR;
  return formatDuration(Math.max(least, Math.ceil((2 * holdsMs) / HOUR) * HOUR));
}
