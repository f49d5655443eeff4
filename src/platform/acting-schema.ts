import { fail, ok, type Result } from '../core/model/errors.ts';
import { MIGRATIONS, type Migration, SCHEMA, SHAPES, type Shapes, shapesOf } from '../core/model/schema.ts';

/** What has such a name means something that versions before the next one do not know. */
const BEYOND = /"(?:name|plan|backend|route)":"next-/;

/** A version to come: it says a little more in every rollout, and what is called `next-…` is beyond its predecessor. */
const NEXT: Migration = {
  to: SCHEMA.version + 1,
  reader: SCHEMA.version,
  record: (key, body) => {
    const grows = key.startsWith('rollout/') && typeof body === 'object' && body !== null && !('grown' in body);
    return grows ? { ...body, grown: true } : body;
  },
  beyond: (_key, body) => BEYOND.test(JSON.stringify(body)),
};

/**
 * `SERIN_ACT_AS_SCHEMA=<version>` lets this build act as the version before or after its own, for tests of two that run
 * side by side. Only with `NODE_ENV=test`: a variable left behind must not have records written that no Serin knows.
 */
export function actingShapes(env: Readonly<Record<string, string | undefined>>): Result<Shapes> {
  const text = env.SERIN_ACT_AS_SCHEMA;
  if (text === undefined || text === '') return ok(SHAPES);
  if (env.NODE_ENV !== 'test') {
    const message = 'SERIN_ACT_AS_SCHEMA writes records as no released version does; it is for tests (NODE_ENV=test)';
    return fail('SERIN_CONFIG_INVALID', message);
  }
  switch (Number(text) - SCHEMA.version) {
    case -1:
      return ok(shapesOf(MIGRATIONS.slice(0, -1)));
    case 0:
      return ok(SHAPES);
    case 1:
      return ok(shapesOf([...MIGRATIONS, NEXT]));
    default:
      return fail('SERIN_CONFIG_INVALID', `SERIN_ACT_AS_SCHEMA must be next to ${SCHEMA.version}, not ${text}`);
  }
}
