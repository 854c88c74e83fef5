// tfjs.ts: from page load to the first logits of SqueezeNet, by Tfjs.

import { Tfjs } from '../tfjs.ts';
import { firstResult } from './peers.ts';

await firstResult(Tfjs.open);
