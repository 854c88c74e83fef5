// Ops that come along with the functions that trace them: each brings all of it, and a bundle that calls none has none of it.

import path from 'node:path';
import { build } from 'esbuild';
import * as assert from 'uvu/assert';
import { extraLowering, extraRule } from '../../src/engine/extra.ts';
import { Graph } from '../../src/engine/graph.ts';
import * as traced from '../../src/engine/ops/index.ts';
import { commonOps, opDef } from '../../src/kernels/definitions.ts';
import { type OpName, ops } from '../../src/kernels/index.ts';
import { suite } from '../support/suite.ts';

const test = suite('ops by need');

test('every op that is not always there comes with its definition and its rule', () => {
  assert.ok(Object.keys(traced).length > 0);
  const extra = (Object.keys(ops) as OpName[]).filter((op) => !Object.hasOwn(commonOps, op));
  assert.ok(extra.includes('fft') && extra.includes('maxPool') && !extra.includes('conv2d'));
  for (const op of extra) {
    assert.is(opDef(op), ops[op], op);
    assert.type(extraRule(op), 'function', op);
  }
  for (const op of ['fft', 'rfft', 'irfft'] as const) assert.type(extraLowering(op), 'function', op);
  assert.is(extraLowering('fftStage'), undefined);
  assert.throws(() => opDef('none' as OpName), /op none is not defined; trace it by its function/);
});

/** The text of a bundle, with what it loads later. */
async function bundled(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: path.resolve('src'), loader: 'ts' },
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: 'unused',
    write: false,
    minifySyntax: true,
    loader: { '.wgsl': 'empty' },
    define: { SHADERS_HASH: '""' },
  });
  return outputFiles.map(({ text }) => text).join('\n');
}

test('a bundle has the rules of the ops that its code calls, and of no others', async () => {
  const sentences = {
    fft: 'the roots of unity are',
    randomAffine: 'the table of choices is',
    affineSample: 'pictures ${',
    maxPool: 'pooling wants [N, H, W, C]',
    lrn: 'must be a whole number of channels',
    take: 'differentiable only where its indices are constants',
    softmax: 'it needs an axis to normalize along',
  };
  const found = (text: string): string[] =>
    Object.entries(sentences).flatMap(([op, sentence]) => (text.includes(sentence) ? [op] : []));
  const engine = "import { gradient } from './autodiff/gradient.ts'; import * as ops from './engine/ops/index.ts';";
  assert.equal(found(await bundled(`${engine} console.log(gradient, ops.relu, ops.pad);`)), ['take']);
  assert.equal(found(await bundled(`${engine} console.log(gradient, ops.relu);`)), []);
  assert.equal(found(await bundled(`${engine} console.log(gradient, ops.rfft, ops.lrn);`)), ['fft', 'lrn']);
  assert.equal(found(await bundled("export * from './core.ts';")), Object.keys(sentences));
});

test('a frame of one value is the pad without a mode', () => {
  const x = new Graph().input('x', [1, 3, 4, 2]);
  const pads = [0, 1, -1, 0, 0, 2, 0, 0];
  const [a, b] = [traced.pad(x, { pads, value: 3 }), traced.padConstant(x, { pads, value: 3 })];
  assert.equal(a.shape, [1, 6, 3, 2]);
  assert.equal(b.shape, a.shape);
  assert.equal({ ...b.node, id: 0, inputs: [] }, { ...a.node, id: 0, inputs: [] });
  assert.is(traced.padConstant(x, { pads: pads.map(() => 0) }).id, x.id);
});
