import type { z } from 'zod';
import { ERRORS } from '../../core/model/errors.ts';
import type { AppliedDocument } from '../../engine/engine.ts';
import type { AppliedList } from './schemas.ts';

type Applied = z.infer<typeof AppliedList>['documents'][number];

export function presentApplied({ revision, ...document }: AppliedDocument): Applied {
  if (revision === undefined) return document;
  const { error, ...told } = revision;
  const why = error === null ? null : { code: error.code, hint: error.hint ?? ERRORS[error.code].hint };
  return { ...document, revision: { ...told, error: why } };
}
