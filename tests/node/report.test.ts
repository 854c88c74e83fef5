// What is said of a network before it runs: its blocks, the memory it takes, what cannot be computed, its self-test.

import * as assert from 'uvu/assert';
import {
  type LayerInfo,
  layerBlocks,
  memoryReport,
  parseModel,
  patternInput,
  SELF_TEST_KEY,
  storedSelfTest,
  UnsupportedModelError,
  withSelfTest,
  zooSelfTest,
} from '../../src/models/index.ts';
import { table } from '../../cli/terminal.ts';
import { referenceLogits } from '../../src/models/selfTest.ts';
import { close } from '../support/close.ts';
import { encodeModel, encodeTensor, floatTensor, type TestModel } from '../support/onnx.ts';
import { sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const blocks = suite('blocks');

/** Layers of these names; a size in brackets begins maps of that size, `[]` rows. */
function layersOf(text: string): LayerInfo[] {
  let shape: number[] = [8, 56, 56];
  return text
    .trim()
    .split(/\s+/)
    .flatMap((word): LayerInfo[] => {
      const size = /^\[(.*)\]$/.exec(word);
      if (!size) return [{ name: word, op: 'Conv', shape, parameters: 0, weights: [], flops: 0 }];
      shape = size[1] ? [8, Number(size[1]), Number(size[1])] : [8];
      return [];
    });
}
const grouping = (text: string): string =>
  layerBlocks(layersOf(text))
    .map(({ title, layers }) => `${title}: ${layers.map(({ name }) => name).join(' ')}`)
    .join('\n');

blocks('come from the first part of Caffe names', () => {
  assert.is(
    grouping('conv1/7x7_s2 conv1/relu_7x7 pool1/3x3_s2 inception_3a/1x1 inception_3a/relu_1x1 [] loss3/classifier'),
    `conv1: conv1/7x7_s2 conv1/relu_7x7
pool1: pool1/3x3_s2
inception_3a: inception_3a/1x1 inception_3a/relu_1x1
loss3: loss3/classifier`,
  );
});

blocks('come from the numbered module of scopes that PyTorch writes, and of dotted names', () => {
  assert.is(
    grouping(`/conv1/Conv_output_0 /relu/Relu_output_0 /layer1/layer1.0/conv1/Conv_output_0
      /layer1/layer1.0/relu/Relu_output_0 /layer1/layer1.1/conv1/Conv_output_0 /layer1/layer1.1/Add_output_0 [] logits`),
    `maps of 56x56: /conv1/Conv_output_0 /relu/Relu_output_0
layer1.0: /layer1/layer1.0/conv1/Conv_output_0 /layer1/layer1.0/relu/Relu_output_0
layer1.1: /layer1/layer1.1/conv1/Conv_output_0 /layer1/layer1.1/Add_output_0
without maps: logits`,
  );
  assert.is(
    grouping('features.3.conv.0.0 features.3.conv.1 features.4.conv.0.0 features.4.conv.1'),
    'features.3: features.3.conv.0.0 features.3.conv.1\nfeatures.4: features.4.conv.0.0 features.4.conv.1',
  );
  // Modules in one row, of one layer each, say nothing: they go by size.
  assert.is(
    grouping('/features/features.0/Conv_output_0 /features/features.1/Relu_output_0 [28] /features/features.2/MaxPool'),
    `maps of 56x56: /features/features.0/Conv_output_0 /features/features.1/Relu_output_0
features.2: /features/features.2/MaxPool`,
  );
});

blocks('come from numbered blocks under the root that TensorFlow names share', () => {
  assert.is(
    grouping(`model/Conv1/Conv2D model/block_1_expand/Conv2D model/block_1_expand_BN/FusedBatchNormV3
      model/block_1_expand_relu/Relu6 [28] model/block_16_project/Conv2D model/block_16_project_BN/FusedBatchNormV3`),
    `Conv1: model/Conv1/Conv2D
block_1: model/block_1_expand/Conv2D model/block_1_expand_BN/FusedBatchNormV3 model/block_1_expand_relu/Relu6
block_16: model/block_16_project/Conv2D model/block_16_project_BN/FusedBatchNormV3`,
  );
  assert.is(
    grouping(`InceptionV1/InceptionV1/Mixed_3b/Branch_0/Conv2d_0a_1x1/Conv2D
      InceptionV1/InceptionV1/Mixed_3b/Branch_0/Conv2d_0a_1x1/Relu InceptionV1/InceptionV1/Mixed_3c/Branch_1/Relu
      InceptionV1/InceptionV1/Mixed_3c/concat`),
    `Mixed_3b: InceptionV1/InceptionV1/Mixed_3b/Branch_0/Conv2d_0a_1x1/Conv2D InceptionV1/InceptionV1/Mixed_3b/Branch_0/Conv2d_0a_1x1/Relu
Mixed_3c: InceptionV1/InceptionV1/Mixed_3c/Branch_1/Relu InceptionV1/InceptionV1/Mixed_3c/concat`,
  );
  assert.is(
    grouping('conv2_block1_1_conv conv2_block1_1_relu conv2_block1_out block2a_expand_conv block2a_activation'),
    'conv2_block1: conv2_block1_1_conv conv2_block1_1_relu conv2_block1_out\nblock2a: block2a_expand_conv block2a_activation',
  );
});

blocks('go by the size of the maps where names are numbers; a block that comes again stays one', () => {
  assert.is(grouping('17 18 [28] 19 20 [] 21'), 'maps of 56x56: 17 18\nmaps of 28x28: 19 20\nwithout maps: 21');
  assert.is(grouping('a/1 b/1 a/2 b/2'), 'a: a/1 a/2\nb: b/1 b/2');
  assert.equal(layerBlocks([]), []);
});

const report = suite('report');

/** conv 3x3 to 2 channels, relu, mean, 4 classes. */
const small: TestModel = {
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['conv'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['conv'], outputs: ['relu'] },
    { op: 'GlobalAveragePool', inputs: ['relu'], outputs: ['mean'] },
    { op: 'Flatten', inputs: ['mean'], outputs: ['row'] },
    { op: 'Gemm', inputs: ['row', 'm'], outputs: ['logits'] },
    { op: 'Softmax', inputs: ['logits'], outputs: ['classes'] },
  ],
  initializers: [
    floatTensor(
      'w',
      [2, 3, 3, 3],
      Array.from({ length: 54 }, (_, i) => Math.sin(i)),
    ),
    floatTensor('m', [2, 4], [1, -2, 3, -4, 5, -6, 7, -8]),
  ],
  inputs: { x: ['N', 3, 8, 6] },
  outputs: ['classes'],
};

report('counts the memory of forward and gradient from the plan', () => {
  const model = parseModel(encodeModel(small));
  const { weights, forward, gradient } = memoryReport(model);
  assert.is(weights, 4 * (54 + 8));
  // The picture, the maps (convolution and ReLU are one dispatch), their means, the logits; at most the sums besides.
  const least = 4 * (3 * 48 + 2 * 48 + 2 + 4);
  assert.ok(forward.unshared >= least && forward.unshared <= least + 8, `${forward.unshared} bytes`);
  assert.ok(forward.planned < forward.unshared);
  assert.ok(gradient && gradient.planned > forward.planned && gradient.planned <= gradient.unshared);
  assert.is(memoryReport(model, { batch: 5 }).forward.unshared, 5 * forward.unshared);

  const googlenet = parseModel(sharedBytes('data/models/googlenet-bvlc.onnx'));
  const small128 = memoryReport(googlenet, { size: [128, 128] });
  assert.is(small128.weights, 4 * googlenet.parameters);
  assert.ok(small128.forward.planned * 2 < small128.forward.unshared, 'buffers are used again');
  assert.ok(small128.forward.planned < memoryReport(googlenet).forward.planned);
});

report('lists each node that stands in the way, and the layers before it', () => {
  const file = encodeModel({
    ...small,
    nodes: [
      ...small.nodes.slice(0, 2),
      { op: 'GridSample', name: 'odd', inputs: ['relu', 'relu'], outputs: ['odd'] },
      { op: 'Conv', name: 'apart', inputs: ['conv', 'm'], outputs: ['apart'] },
      { op: 'Fancy', domain: 'com.example', inputs: ['conv'], outputs: ['fancy'] },
      { op: 'Concat', inputs: ['odd', 'apart', 'fancy'], outputs: ['classes'], attributes: { axis: 1 } },
    ],
  });
  try {
    parseModel(file, { name: 'net' });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, UnsupportedModelError);
    const { problems, layers, message } = error as UnsupportedModelError;
    assert.match(message, /^model "net" cannot be opened: GridSample at "odd"/);
    assert.equal(layers, ['conv', 'relu']);
    assert.equal(
      problems.map(({ node, op, domain }) => [node, op, domain]),
      [
        ['odd', 'GridSample', ''],
        ['apart', 'Conv', ''],
        ['fancy', 'Fancy', 'com.example'],
      ],
    );
    assert.match(problems[0].why, /no operator that Facet knows/);
    assert.ok(problems[1].why.length > 0);
  }
});

report('shows names as they are, but for what would move the cursor', () => {
  assert.is(
    table(
      [
        ['layer', 'n'],
        ['\x1b[31mred\nline', '7'],
      ],
      [1],
    ),
    'layer          n\n\ufffd[31mred\ufffdline  7',
  );
});

report('takes networks of channels that are no colours, which take no pictures', () => {
  const five = parseModel(
    encodeModel({
      ...small,
      inputs: { x: [1, 5, 8, 6] },
      initializers: [floatTensor('w', [2, 5, 3, 3], new Array<number>(90).fill(0.1)), small.initializers![1]],
    }),
    { name: 'five' },
  );
  assert.is(five.preprocess.order, 'raw');
  assert.throws(() => five.withPreprocess({ ...five.preprocess, order: 'RGB' }), /"five".*5 channels.*no colours/);
  const rgb = parseModel(encodeModel(small));
  assert.throws(
    () => rgb.withPreprocess({ ...rgb.preprocess, order: 'gray' }),
    /gives 1 channels \(gray\), the network takes 3/,
  );
  const changed = rgb.withPreprocess({ ...rgb.preprocess, order: 'BGR', mean: [0.5], source: 'given' });
  assert.equal([changed.preprocess.order, changed.preprocess.mean, changed.classes], ['BGR', [0.5], 4]);
});

const selfTests = suite('self-test');

selfTests('is made by a formula, stored behind the file, and read again', () => {
  const bytes = encodeModel({
    ...small,
    metadata: { 'facet.preprocess': '{"range":[0,255],"mean":[100],"std":[50]}' },
  });
  const model = parseModel(bytes, { name: 'net' });
  assert.is(storedSelfTest(model), undefined);
  const file = withSelfTest(bytes, model);
  assert.equal(file.subarray(0, bytes.length), bytes, 'all that was there stays');
  const again = parseModel(file, { name: 'net' });
  const stored = storedSelfTest(again)!;
  assert.equal(stored.input.shape, [1, 8, 6, 3]);
  // Channel 1, row 2, column 3 is element 1*48 + 2*6 + 3 of the file's layout.
  const share = ((63 * 2654435761) % 2 ** 32) / 2 ** 32;
  close([stored.input.data[(2 * 6 + 3) * 3 + 1]], [-2 + 5.1 * share], { absolute: 1e-6 }, 'the formula');
  assert.is(stored.expected.length, 4);
  close(stored.expected, referenceLogits(model, stored.input), { relative: 1e-8 }, 'logits');
  assert.throws(() => withSelfTest(file, again), /carries a self-test already/);
});

selfTests('that makes no sense is refused in one sentence', () => {
  const says = (json: string, message: RegExp) =>
    assert.throws(
      () => storedSelfTest(parseModel(encodeModel({ ...small, metadata: { [SELF_TEST_KEY]: json } }))),
      message,
    );
  says('{', /is no JSON/);
  says('null', /lacks the size/);
  says('{"size":[8,8],"range":[0,1],"logits":[1,2,3,4]}', /for 8x8, not 8x6/);
  says('{"size":[8,6],"range":[0],"logits":[1,2,3,4]}', /lacks the range/);
  says('{"size":[8,6],"range":[0,1],"logits":[1,2,3]}', /does not hold 4 logits/);
});

selfTests("of the zoo's files is read from tensors, in the layout of the file", () => {
  const model = parseModel(encodeModel(small), { name: 'net' });
  const numbers = Array.from({ length: 144 }, (_, i) => i);
  const input = encodeTensor(floatTensor('input_0', [1, 3, 8, 6], numbers));
  const output = encodeTensor({ name: 'output_0', shape: [1, 4], floats: [0.1, 0.2, 0.3, 0.4] });
  const test = zooSelfTest(model, 'test_data_set_0', input, output);
  assert.is(test.of, 'output');
  assert.equal([...test.input.data.slice(0, 4)], [0, 48, 96, 1]);
  close(test.expected, [0.1, 0.2, 0.3, 0.4], { absolute: 1e-7 }, 'output');
  const other = encodeTensor(floatTensor('input_0', [1, 3, 4, 6], numbers.slice(72)));
  assert.throws(() => zooSelfTest(model, 'set 0', other, output), /set 0 has an input \[1,3,4,6\].*"net".*\[N,3,8,6\]/);
  assert.throws(() => zooSelfTest(model, 'set 0', input.subarray(0, 90), output), /set 0, the input.*no whole tensor/);
});

selfTests('fills the range of its input evenly', () => {
  const { input } = parseModel(encodeModel(small));
  const { data } = patternInput({ input }, [8, 6], [-1, 3]);
  const sorted = [...data].sort((a, b) => a - b);
  sorted.forEach((value, i) => {
    assert.ok(Math.abs(value - (-1 + (4 * (i + 0.5)) / 144)) < 4 * (3 / 144), `${i}: ${value}`);
  });
});
