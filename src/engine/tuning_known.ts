// tuning_known.ts: choices that come with the engine for devices it was tuned on, where measuring found a variant clearly
// ahead of the one that the heuristics take. Written by `facet tune --known`; keys are those of `opKey`.

import type { KnownChoices } from './tuning.ts';

export const knownChoices: readonly KnownChoices[] = [];
