// networks.test.ts: networks that nobody tuned anything for open, run and differentiate as in PyTorch: small ones of every
// kind, made by tests/fixtures/networks/make.py, and two of others, recorded by record_shared.py beside it, in float64.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { mul, select, sum } from '../../src/engine/ops/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { parseModel } from '../../src/models/model.ts';
import { fromFileLayout, toFileLayout } from '../../src/models/onnx/layout.ts';
import { close } from '../support/close.ts';
import { fetchBytes, fetchFixture } from '../support/fetch.ts';
import { networks, picture, sharedNetworks } from '../support/networks.ts';
import { parseNpy } from '../support/npy.ts';
import { suite } from '../support/suite.ts';

/** Allowed error as a share of the largest magnitude. */
const TOLERANCE = 1e-4;

const test = suite('networks of all kinds');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

for (const { file, input } of networks) {
  test(`${file}: output and gradient as PyTorch's`, async () => {
    const model = parseModel(await fetchFixture(`networks/${file}.onnx`), { name: file });
    const { data } = parseNpy(await fetchFixture(`networks/${file}.npy`), file);
    const size = sizeOf(input);
    const fed = fromFileLayout(data.subarray(0, size), 'nhwc', input);
    const expected = { y: data.subarray(size, -size), dx: data.subarray(-size) };

    const graph = new Graph();
    const x = graph.input('x', fed.shape);
    const trace = model.trace(x);
    const y = trace.layer(model.outputName);
    const layout = trace.layoutOf(model.outputName);
    // The functional of make.py; it is linear in the output as the file has it, so it is brought to the layout here.
    const shape = toFileLayout(new Float32Array(sizeOf(y.shape)), layout, y.shape).shape;
    const factors = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * i * 0.7 + i));
    const functional = graph.constant(fromFileLayout(factors, layout, shape));
    const [dx] = gradient(sum(mul(y, functional)), [x]);

    for (const optimize of [true, false]) {
      const program = await compile(device, computation({ y, dx }), { optimize });
      program.write('x', fed.data);
      program.run();
      const label = `${file}${optimize ? '' : ', not optimized'}`;
      const output = toFileLayout(await program.read('y'), layout, y.shape);
      close(output.data, expected.y, { relative: TOLERANCE }, `${label}: output`);
      const slopes = toFileLayout(await program.read('dx'), 'nhwc', fed.shape);
      close(slopes.data, expected.dx, { relative: TOLERANCE }, `${label}: gradient`);
      program.dispose();
    }
  });
}

for (const { file, size, phase } of sharedNetworks) {
  test(`${file}: logits and gradient of the first class as PyTorch's`, async () => {
    const model = parseModel(await fetchBytes(`data/models/${file}.onnx`), { name: file });
    const { data } = parseNpy(await fetchFixture(`networks/${file}.npy`), file);
    const logits = data.subarray(0, model.classes);
    const fed = fromFileLayout(picture(size, phase), 'nhwc', [1, 3, size, size]);
    const graph = new Graph();
    const x = graph.input('x', fed.shape);
    const y = model.trace(x).output;
    const first = logits.indexOf(Math.max(...logits));
    const [dx] = gradient(sum(select(y, 1, first)), [x]);
    const program = await compile(device, computation({ y, dx }));
    program.write('x', fed.data);
    program.run();
    close(await program.read('y'), logits, { relative: TOLERANCE }, `${file}: logits`);
    const slopes = toFileLayout(await program.read('dx'), 'nhwc', fed.shape);
    close(slopes.data, data.subarray(model.classes), { relative: TOLERANCE }, `${file}: gradient`);
    program.dispose();
  });
}

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
