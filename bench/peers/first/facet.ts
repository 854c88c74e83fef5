// facet.ts: from page load to the first logits of SqueezeNet, by this engine.

import { Graph, computation } from '../../../src/engine/graph.ts';
import { openDevice } from '../../../src/engine/gpu/device.ts';
import { compile } from '../../../src/engine/gpu/program.ts';
import { type Model, parseModel } from '../../../src/models/model.ts';
import { pictureFor, report } from './report.ts';

/** While the device opens, as the peers do. */
async function load(): Promise<Model> {
  const response = await fetch('models/squeezenet');
  return parseModel(new Uint8Array(await response.arrayBuffer()));
}

const [device, model] = await Promise.all([openDevice(), load()]);
const shape = [1, ...model.nominalSize, model.input.channels] as const;
const { output } = model.trace(new Graph().input('x', shape));
const program = await compile(device, computation({ output }));
const { output: logits } = await program.evaluate({ x: pictureFor(shape) });
report(logits);
