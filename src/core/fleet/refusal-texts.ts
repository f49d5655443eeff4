/** What Envoys say when they refuse is the only part of the ledger that each of them could say in its own way. */
const MAX_TEXTS = 100;
const MAX_LENGTH = 300;

/** Where refusals stand together that are told without their words. */
const OTHERS = 0;

/** The words of many refusals, each once; those beyond the limit are only counted. */
export interface RefusalTexts {
  /** A reference that stands for the words. */
  refer(message: string): number;
  empty(): boolean;
  /** By reference. */
  all(): readonly string[];
}

export function refusalTexts(): RefusalTexts {
  const references = new Map<string, number>();
  const others = new Set<string>();
  return {
    refer(message) {
      const text = cut(message);
      const known = references.get(text);
      if (known !== undefined) return known;
      if (references.size === MAX_TEXTS) {
        others.add(text);
        return OTHERS;
      }
      references.set(text, references.size + 1);
      return references.size;
    },
    empty: () => references.size === 0,
    all: () => [othersText(others.size), ...references.keys()],
  };
}

/** In steps, so that it is not another one with every refusal that comes. */
function othersText(count: number): string {
  if (count === 0) return '';
  const step = 10 ** Math.floor(Math.log10(count));
  const many = step === 1 ? 'some' : `${step.toLocaleString('en-US')} or more`;
  return `its words are left out, with those of ${many} others; the engine that it is connected to has them`;
}

function cut(message: string): string {
  if (message.length <= MAX_LENGTH) return message;
  // Not in the middle of a character.
  return `${message.slice(0, MAX_LENGTH - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
