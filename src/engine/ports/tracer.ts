export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;

/** Where the engine says what it is doing and what came of it, for whoever follows one piece of work through it. */
export interface Tracer {
  /** Work as a part of what is under way; a rejection ends it as failed, and stays one. */
  span<T>(name: string, attributes: TraceAttributes, work: () => Promise<T>): Promise<T>;
  /** About the innermost work that is under way. */
  note(attributes: TraceAttributes): void;
  /** Work that somebody else has done, from then to then, epoch ms. */
  past(name: string, attributes: TraceAttributes, fromMs: number, toMs: number): void;
}
