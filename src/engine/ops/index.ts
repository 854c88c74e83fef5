// index.ts: all traceable ops. Free functions on values; shapes are checked at the call.

export * from './conv.ts';
export * from './concat.ts';
export * from './elementwise.ts';
export * from './fft.ts';
export * from './layout.ts';
export * from './lrn.ts';
export * from './pool.ts';
export * from './optimize.ts';
export * from './random.ts';
export * from './matmul.ts';
export * from './reduce.ts';
export * from './softmax.ts';
export * from './sample.ts';
