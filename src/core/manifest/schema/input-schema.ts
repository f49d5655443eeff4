import { z } from 'zod';
import { type Json, shapeOf } from '../input-shape.ts';

/** JSON Schema (draft-07) of what may stand in a file where this grammar reads it. */
export function inputSchema(grammar: z.ZodType): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(grammar, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const shape = shapeOf(zodSchema);
      if (shape === undefined) return dropForeignPattern(jsonSchema);
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, 'json' in shape ? shape.json : inputSchema(shape.grammar()));
    },
  });
  return schema;
}

/** Editors compile patterns with or without the flag that classes of characters need, and would refuse good text. */
function dropForeignPattern(schema: { pattern?: unknown }): void {
  if (typeof schema.pattern === 'string' && schema.pattern.includes('\\p{')) delete schema.pattern;
}
