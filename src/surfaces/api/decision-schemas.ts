import { z } from 'zod';

/** The decisions of one rollout as they are kept; a page may be shorter than asked for. */
export const DecisionPage = z
  .object({
    decisions: z.array(
      z.object({
        looks: z
          .number()
          .int()
          .positive()
          .meta({ description: 'How many looks that found nothing new it stands for.' }),
        text: z.string().meta({ description: 'JSON of what it was decided from, and what was decided.' }),
      }),
    ),
    next: z.number().int().nullable().meta({ description: 'Where the next page begins; null: this is the last one.' }),
  })
  .meta({ id: 'DecisionPage' });
export type DecisionPage = z.infer<typeof DecisionPage>;
