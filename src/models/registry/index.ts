// index.ts: the networks that are known by name: those that come with the project, and those that are fetched.

import { ModelError, nearest, quoted } from '../error.ts';
import { publicModels } from './public.ts';
import { shippedModels } from './shipped.ts';
import type { WebModel } from './types.ts';

export { parseRegistry } from './parse.ts';
export { publicModels } from './public.ts';
export { findShipped, shippedModels } from './shipped.ts';
export type { ShippedModel, WebModel } from './types.ts';

/** All that can be fetched by name: the user's own entries stand before Facet's, and take the place of those of their name. */
export const webModels = (own: readonly WebModel[] = []): readonly WebModel[] => [
  ...own,
  ...publicModels.filter(({ id }) => !own.some((model) => model.id === id)),
];

/** For a text that is neither a file nor a known name. */
export function unknownModel(text: string, fetched: readonly WebModel[] = publicModels): ModelError {
  const near = nearest(
    text,
    [...shippedModels, ...fetched].map(({ id }) => id),
  );
  return new ModelError(
    `"${text}" is neither a file nor a network that Facet knows. The nearest names are ${quoted(near)}; \`facet models\` lists all.`,
  );
}
