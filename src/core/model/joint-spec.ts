/** All of them have the same step at any time, and all of them are promoted or none. */
export interface JointSpec {
  readonly others: readonly string[];
  /** A header that tells the arm of a request to those further down the chain. @default every backend draws by itself */
  readonly colour?: ColourSpec;
}

/** `backend` draws and writes the header; the others go by it where it is there. */
export interface ColourSpec {
  readonly header: string;
}

/** Of one plan: each has two revisions at once, and every one of them has to be well for a step. */
export const MAX_JOINT_BACKENDS = 4;

/** All backends of a plan, the first one first. */
export function backendsOfPlan({
  backend,
  joint,
}: {
  readonly backend: string;
  readonly joint?: JointSpec;
}): readonly string[] {
  return [backend, ...(joint?.others ?? [])];
}
