/** One border of Serin, opened so that any bytes can be thrown at it. */
export interface FuzzTarget {
  /** Resolves with `null` where the border kept its promise, else with what it did instead. */
  run(input: Buffer): Promise<string | null>;
  /** Before every input, and not measured. */
  prepare?(input: Buffer): Promise<void>;
  /** Was the last input taken, and not refused at the door? Where this is never so, nothing behind it is tried. */
  taken?(): boolean;
  close(): Promise<void>;
}

/** What a module in `targets/` exports as its default. */
export type OpenTarget = () => Promise<FuzzTarget>;

/** From the parent, one at a time. */
export interface Ask {
  readonly id: number;
  readonly input: Uint8Array;
}

export interface Answer {
  readonly id: number;
  readonly broken: string | null;
  /** How long the event loop was at work for this input, ms: no turn can have been longer. */
  readonly activeMs: number;
  readonly rssMb: number;
  readonly taken: boolean;
}
