// jax.ts: from page load to the first logits of SqueezeNet, by Jax.

import { Jax } from '../jax.ts';
import { firstResult } from './peers.ts';

await firstResult(Jax.open);
