// shared.ts: what is in the first chunk of a bundle anyway and the modules use that the engine loads when they are needed: passes,
// and what reads tunings. All of them import this file, whatever they need of it; kernels/shared.ts says why.

import '../kernels/families.ts';
import '../kernels/shared.ts';
import '../kernels/winograd_transforms.ts';
import './graph.ts';
import './ops/index.ts';
import './passes/rotate.ts';
import './passes/simplify.ts';
import './passes/winograd.ts';
import './rewrite.ts';
