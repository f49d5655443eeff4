import type { z } from 'zod';

export type Json = Readonly<Record<string, unknown>>;

/** JSON Schema of what stands in a file, or a grammar that has one. */
export type InputShape = { readonly json: Json } | { readonly grammar: () => z.ZodType };

const shapes = new WeakMap<z.core.$ZodType, InputShape>();

/** Says what a value looks like in a file where its grammar reads it by code: editors get a schema of it. */
export function looksLike<S extends z.ZodType>(grammar: S, shape: InputShape): S {
  shapes.set(grammar, shape);
  return grammar;
}

export function shapeOf(grammar: z.core.$ZodType): InputShape | undefined {
  return shapes.get(grammar);
}
