import type { z } from 'zod';
import type { StrategyDocument } from '../../model/documents.ts';
import { WorldGrammar } from '../../simulation/world-grammar.ts';
import { BackendGrammar } from '../backend-grammar.ts';
import { documentName } from '../fields.ts';
import type { Json } from '../input-shape.ts';
import { API_VERSION } from '../parse-documents.ts';
import { PlanGrammar } from '../plan-grammar.ts';
import { RouteGrammar } from '../route-grammar.ts';
import { StepsGrammar } from '../steps-grammar.ts';
import { StrategyGrammar } from '../strategy-grammar.ts';
import { type Kind as Described, describeFields } from './describe-fields.ts';
import { inputSchema } from './input-schema.ts';
import { strategyChoices, withPlaceholders } from './strategy-schema.ts';

export const SCHEMAS = ['plan', 'route', 'backend', 'strategy', 'documents', 'world'] as const;
export type SchemaName = (typeof SCHEMAS)[number];

type Kind = Exclude<Described, 'World'>;

const GRAMMARS: Readonly<Record<Kind, z.ZodType>> = {
  Route: RouteGrammar,
  Backend: BackendGrammar,
  Plan: PlanGrammar,
  Strategy: StrategyGrammar,
};

const SAYS: Readonly<Record<Kind, string>> = {
  Route: 'Which requests go to which backend.',
  Backend: 'A service that receives traffic, and where its revisions run.',
  Plan: 'How a new revision of a backend is rolled out.',
  Strategy: 'Steps with parameters, for more than one plan.',
};

/** A plan has one of the two. */
const ONE_OR_SEVERAL = { oneOf: [{ required: ['backend'] }, { required: ['backends'] }] };

const OF_WORLDS = 'What a plan is played in by `serin plan simulate`.';

const DRAFT = 'http://json-schema.org/draft-07/schema#';
const KINDS = Object.keys(GRAMMARS) as Kind[];

/** JSON Schema (draft-07) for editors: of one kind of document, of files with several, or of a world. */
export function documentSchema(name: SchemaName, shipped: readonly StrategyDocument[]): Json {
  if (name === 'world') return { $schema: DRAFT, title: 'Serin world', description: OF_WORLDS, ...worldSchema() };
  const kind = KINDS.find((one) => one.toLowerCase() === name);
  const title = `Serin ${kind ?? 'documents'}`;
  if (kind !== undefined) {
    return { $schema: DRAFT, title, description: SAYS[kind], ...shell([kind], specOf(kind, shipped)) };
  }
  const definitions = Object.fromEntries(KINDS.map((one) => [one, specOf(one, shipped)]));
  const allOf = KINDS.map((one) => ({
    if: { properties: { kind: { const: one } }, required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { spec: { $ref: `#/definitions/${one}` } } },
  }));
  return { $schema: DRAFT, title, ...shell(KINDS, {}), allOf, definitions };
}

/** Fields of which an editor could say nothing. */
export function undescribedFields(): readonly string[] {
  const missing: string[] = [];
  for (const kind of KINDS) describeFields(kind, rawSpec(kind), (path) => missing.push(`${kind} ${path}`));
  worldSchema((path) => missing.push(`World ${path}`));
  return missing;
}

function worldSchema(undescribed: (path: string) => void = () => {}): Json {
  return describeFields('World', inputSchema(WorldGrammar), undescribed);
}

function shell(kinds: readonly Kind[], spec: Json): Json {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: API_VERSION, description: 'The version of the document.', default: API_VERSION },
      kind: { enum: kinds, description: kinds.map((kind) => `${kind}: ${SAYS[kind]}`).join(' ') },
      metadata: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: {
            ...inputSchema(documentName),
            description: 'Unique within its kind: lower-case letters, digits and "-", at most 63.',
            examples: ['checkout'],
          },
        },
      },
      spec,
    },
  };
}

function specOf(kind: Kind, shipped: readonly StrategyDocument[]): Json {
  const described = describeFields(kind, rawSpec(kind));
  return kind === 'Plan' ? { ...strategyChoices(described, shipped), ...ONE_OR_SEVERAL } : described;
}

function rawSpec(kind: Kind): Json {
  const schema = inputSchema(GRAMMARS[kind]);
  return kind === 'Strategy' ? withPlaceholders(schema, inputSchema(StepsGrammar)) : schema;
}
