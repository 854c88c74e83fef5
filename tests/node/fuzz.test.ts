// Hostile files: whatever stands in a file, opening it ends with a network that can be traced and planned, or with one
// sentence; it never hangs, takes memory without bound, or fails in another way. A hang is ended by the runner's watchdog.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { OpError } from '../../src/kernels/types.ts';
import { layerFields, memoryReport, ModelError, parseModel } from '../../src/models/index.ts';
import { bases, classifier, damaged, Dice, encoded, mutated, randomNetwork, side } from '../support/hostile.ts';
import { suite, tell } from '../support/suite.ts';

const fuzz = suite('fuzz');

/** Longest sentence, in characters. */
const SENTENCE = 420;
/** Networks up to so many operations, and numbers in all their values, are computed too. */
const WORK = 200_000;
/** Bytes that the process may grow by over all cases. */
const GROWTH = 1.5 * 2 ** 30;

const counts = new Map<string, number>();
const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

/** Opens a file and carries what opens as far as a plan. Counts what became of it; throws where that is not allowed. */
function attempt(bytes: Uint8Array): void {
  count('cases');
  try {
    const model = parseModel(bytes, { name: 'odd' });
    const { channels, height = side, width = side } = model.input;
    const flops = model.layers.reduce((sum, layer) => sum + layer.flops, 0);
    count('opened');
    const x = new Graph().input('x', [1, height, width, channels]);
    const { output } = model.trace(x);
    const y = computation({ y: output });
    makePlan(y);
    layerFields(model);
    memoryReport(model);
    const numbers = y.graph.nodes.reduce((sum, node) => sum + sizeOf(node.shape), 0);
    if (flops > WORK || numbers > WORK) return;
    interpret(y, { x: new Float32Array(sizeOf(x.shape)).fill(0.5) });
    count('computed');
  } catch (error) {
    if (!(error instanceof ModelError) && !(error instanceof OpError)) throw error;
    checkSentence(error.message);
    count(kindOf(error.message));
  }
}

function checkSentence(sentence: string): void {
  const own = sentence.replace(/"[^"]*"/g, '""');
  assert.not.match(sentence, /\p{Cc}/u, sentence);
  assert.ok(sentence.length <= SENTENCE, `${sentence.length} characters: ${sentence}`);
  assert.match(sentence, /[.]$/, sentence);
  assert.not.match(own, /undefined|\[object|is not a function|Cannot read|Invalid |Maximum call|TypeError/, sentence);
}

const KINDS: readonly [kind: string, sign: RegExp][] = [
  ['not whole', /is no whole ONNX file/],
  ['other formats', /model "odd" is /],
  ['nodes', /cannot be opened/],
  ['tensors', /the tensor|the weights|external|numbers of/],
];
const kindOf = (sentence: string): string => KINDS.find(([, sign]) => sign.test(sentence))?.[0] ?? 'the rest';

/** Runs cases; a failure says which. */
async function each(name: string, cases: number, make: (index: number) => Uint8Array): Promise<void> {
  const before = process.resourceUsage().maxRSS * 1024;
  counts.clear();
  for (let index = 0; index < cases; index++) {
    try {
      attempt(make(index));
    } catch (error) {
      (error as Error).message = `case ${index} of ${name}: ${(error as Error).message}`;
      throw error;
    }
  }
  const growth = process.resourceUsage().maxRSS * 1024 - before;
  assert.ok(growth < GROWTH, `${name}: grew by ${growth} bytes`);
  const { cases: all, opened = 0, computed = 0, ...kinds } = Object.fromEntries(counts);
  const refused = Object.entries(kinds).map(([kind, n]) => `${n} ${kind}`);
  await tell(
    `fuzz: ${name}: ${all} cases: ${opened} opened (${computed} computed), refused: ${refused.join(', ') || 'none'}`,
  );
}

const watchdog = { timeoutSeconds: 60 };

fuzz(
  'a network cut off at every byte',
  async () => {
    const bytes = encoded(classifier);
    await each('truncated', bytes.length, (length) => bytes.subarray(0, length));
  },
  watchdog,
);

fuzz(
  'damaged bytes',
  async () => {
    const files = bases.map(encoded);
    await each('damaged bytes', 3000, (index) => {
      const dice = new Dice(index);
      return damaged(dice.one(files), dice);
    });
  },
  watchdog,
);

fuzz(
  'damaged bytes of a trained network',
  async () => {
    const file = new Uint8Array(readFileSync('assets/drawings.onnx'));
    await each('drawings.onnx', 40, (index) => damaged(file, new Dice(10_000 + index)));
  },
  watchdog,
);

fuzz(
  'parts that do not fit',
  async () => {
    await each('odd parts', 3000, (index) => {
      const dice = new Dice(20_000 + index);
      return encoded(mutated(dice.one(bases), dice));
    });
  },
  watchdog,
);

fuzz(
  'operators that read what comes to hand',
  async () => {
    await each('odd operators', 4000, (index) => {
      const dice = new Dice(30_000 + index);
      const network = randomNetwork(dice);
      return encoded(dice.chance(0.3) ? mutated(network, dice) : network);
    });
  },
  watchdog,
);
