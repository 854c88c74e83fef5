// Dawn's waiting is slowed down, and nobody else's.

import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { calmTicks } from '../../src/engine/gpu/ticks.node.ts';
import { suite } from '../support/suite.ts';

const test = suite("ticks of Dawn's binding");

test('what asks for news natively is made to pause after a while; the rest runs as before', async () => {
  const original = globalThis.setImmediate;
  try {
    calmTicks();
    calmTicks();
    const given = await new Promise((resolve) => setImmediate(resolve, 'given'));
    assert.is(given, 'given');
    assert.is(await promisify(setImmediate)('promised'), 'promised');
    let isRun = false;
    clearImmediate(
      setImmediate(() => {
        isRun = true;
      }),
    );
    await pause(5);
    assert.not.ok(isRun);

    const kindOf = (handle: object): string => handle.constructor.name;
    const start = performance.now();
    const kinds: string[] = [];
    await new Promise<void>((resolve) => {
      // Bound functions are native, as the binding's are.
      const look: () => void = function (this: unknown) {
        if (performance.now() - start > 20) return resolve();
        kinds.push(kindOf(setImmediate(look)));
      }.bind(undefined);
      kinds.push(kindOf(setImmediate(look)));
    });
    assert.is(kinds[0], 'Immediate');
    assert.is(kinds[kinds.length - 1], 'Timeout');
    assert.is(kindOf(setImmediate(() => undefined)), 'Immediate');
  } finally {
    globalThis.setImmediate = original;
  }
});
