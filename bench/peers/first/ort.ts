// ort.ts: from page load to the first logits of SqueezeNet, by OrtWeb.

import { OrtWeb } from '../ort.ts';
import { firstResult } from './peers.ts';

await firstResult(OrtWeb.open);
