// shared.ts: what is in the first chunk of a bundle anyway and modules of kernels use: the definitions of the ops, and a few
// helpers. Every such module imports this file, whatever it needs of it, because a bundler makes one chunk of what is reached
// from the same entries, and would make a dozen small ones of what each family needs.

import './conv_params.ts';
import './elementwise_text.ts';
import './half_text.ts';
import './lrn.ts';
import './matmul.ts';
import './pool.ts';
import './random.ts';
import './sample.ts';
import './definitions.ts';
import './fft.ts';
import './slice.ts';
import './softmax.ts';
