// core.ts: the engine alone: ops, gradients and programs, without networks and what is done with them.
// `node build.mjs core` makes dist/core/facet-core.js of it, with chunks beside it that are fetched when they are needed.

export { gradient } from './autodiff/gradient.ts';
export { openDevice } from './engine/gpu/device.ts';
export { compile } from './engine/gpu/program.ts';
export { computation, Graph } from './engine/graph.ts';
export * as ops from './engine/ops/index.ts';
