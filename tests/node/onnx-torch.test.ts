// Two small networks as PyTorch exports them, through operators that the larger ones do not have: logits and input
// gradients against PyTorch in float64. The files and these numbers are made by tests/fixtures/onnx/make.py.

import { readFileSync } from 'node:fs';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { mul, sum } from '../../src/engine/ops/index.ts';
import { fromFileLayout, parseModel, toFileLayout } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { suite } from '../support/suite.ts';

interface Row {
  readonly file: string;
  /** Of two pictures, five each. */
  readonly logits: readonly number[];
  /** Gradient of the sum of (k + 1) times logit k by the pictures, every 37th element in the file's layout. */
  readonly slopes: readonly number[];
}

const rows: Row[] = [
  {
    file: 'norms-opset13.onnx',
    logits: [
      0.1621683, 1.5452159, 1.2973573, 0.20368539, 0.46714385, 0.10588323, 1.3421552, 1.1901367, 0.083328823,
      0.52368547,
    ],
    slopes: [
      0.02374467, 0.0654048, 0.1639089, -0.03861465, -0.3029088, -0.1387197, 0.05868718, 0.1656571, -0.1278357,
      0.1421029, 0.2333661,
    ],
  },
  {
    file: 'activations-opset16.onnx',
    logits: [
      -3.0658769, 1.1817532, 0.90241899, 4.2290296, 4.2081992, -3.1167077, 1.5097331, 1.0760665, 4.6489838, 5.5545742,
    ],
    slopes: [
      0.02449149, -0.5428091, -0.1076401, 0.02478987, -0.351896, -0.01582586, 0.1522367, -0.5039898, -0.3266306,
      -0.6888711, -1.242281,
    ],
  },
];

const SHAPE = [2, 3, 8, 8];
const picture = Float32Array.from(
  { length: 2 * 3 * 8 * 8 },
  (_, i) => Math.sin(i * 0.37) + 0.5 * Math.cos(i * i * 0.011),
);

const networks = suite('networks of PyTorch');

for (const { file, logits, slopes } of rows) {
  networks(`${file}: logits and gradients`, () => {
    const model = parseModel(readFileSync(`tests/fixtures/onnx/${file}`), { name: file });
    const graph = new Graph();
    const fed = fromFileLayout(picture, 'nhwc', SHAPE);
    const x = graph.input('x', fed.shape);
    const { output } = model.trace(x);
    const loss = sum(mul(output, graph.constant({ shape: [5], data: Float32Array.of(1, 2, 3, 4, 5) })));
    const [dx] = gradient(loss, [x]);
    const { outputs } = interpret(computation({ output, dx }), { x: fed.data });
    close(outputs.output.data, logits, { relative: 1e-6 }, 'logits');
    const inFile = toFileLayout(outputs.dx.data, 'nhwc', dx.shape).data;
    close(
      slopes.map((_, i) => inFile[37 * i]),
      slopes,
      { relative: 1e-5 },
      'gradient',
    );
  });
}
