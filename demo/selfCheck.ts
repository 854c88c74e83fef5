// selfCheck.ts: when a network is opened that carries a self-test, runs it and says how it went.

import { type Device, type Model, type SelfTestResult, selfTest, storedSelfTest } from '../src/index.ts';
import { byId, create, short } from './dom.ts';
import { attempt, PageError } from './status.ts';

/** The network that is shown: what is found out about another one is no longer of interest. */
let shown: Model | undefined;

/** Adds a line to the summary where the file carries a self-test. */
export async function check(device: Device, model: Model): Promise<void> {
  shown = model;
  const line = create('dd', { textContent: 'running…' });
  line.id = 'self-test';
  const isSound = await attempt(async () => {
    const test = storedSelfTest(model);
    if (!test) return;
    byId('dl', 'summary').append(create('dt', { textContent: 'Self-test' }), line);
    const result = (await selfTest(device, model, test)) as SelfTestResult;
    if (shown !== model) return;
    const { agrees, maxDifference, allowed } = result;
    const difference = `largest difference ${short(maxDifference)}`;
    line.textContent = agrees
      ? `agrees with the stored logits (${difference})`
      : `DISAGREES with the stored logits: ${difference}, allowed ${short(allowed)}`;
    if (agrees) return;
    line.className = 'bad';
    throw new PageError(
      `The network does not give the logits stored in its file (${difference}): the file is damaged, or this device ` +
        'computes wrongly. Do not trust what is shown of it.',
    );
  });
  if (!isSound && line.textContent === 'running…') line.textContent = 'could not be run';
}
