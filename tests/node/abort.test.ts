// abort.test.ts: waiting that a signal ends: what is given back, what is discarded, and that no rejection goes unheard.

import * as assert from 'uvu/assert';
import { unlessAborted } from '../../src/engine/abort.ts';
import { suite } from '../support/suite.ts';

const test = suite('unlessAborted');

/** A promise that is settled by hand. */
function pending<T>() {
  let [resolve, reject]: [(value: T) => void, (error: unknown) => void] = [() => undefined, () => undefined];
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error) => ({ thrown: error }));
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

const unheard: unknown[] = [];
const hear = (error: unknown): void => void unheard.push(error);
test.before(() => void process.on('unhandledRejection', hear));
test.after(() => void process.off('unhandledRejection', hear));

test('gives what the work gives, and is silent when the signal comes later', async () => {
  const discarded: unknown[] = [];
  const control = new AbortController();
  const discard = (value: unknown) => void discarded.push(value);
  assert.is(await unlessAborted(Promise.resolve(1), control.signal, discard), 1);
  assert.is(await unlessAborted(Promise.resolve(2), undefined, discard), 2);
  const error = new Error('work');
  assert.equal(await outcome(unlessAborted(Promise.reject(error), control.signal, discard)), { thrown: error });
  control.abort();
  await turn();
  assert.equal(discarded, []);
  assert.equal(unheard, []);
});

test('the signal ends the waiting, and what comes afterwards is discarded', async () => {
  const discarded: unknown[] = [];
  const control = new AbortController();
  const work = pending<string>();
  const waiting = outcome(unlessAborted(work.promise, control.signal, (value) => void discarded.push(value)));
  const reason = new Error('enough');
  control.abort(reason);
  assert.equal(await waiting, { thrown: reason });
  assert.equal(discarded, []);
  work.resolve('late');
  await turn();
  assert.equal(discarded, ['late']);
});

test('where the signal came before, nothing is waited for', async () => {
  const discarded: unknown[] = [];
  const reason = new Error('before');
  const work = unlessAborted(Promise.resolve(1), AbortSignal.abort(reason), (value) => void discarded.push(value));
  assert.equal(await outcome(work), { thrown: reason });
  await turn();
  assert.equal(discarded, [1]);
});

test('nobody has to hear how work ends that was given up, nor what discarding it throws', async () => {
  const control = new AbortController();
  const [failing, wanted] = [pending<number>(), pending<number>()];
  const all = [failing, wanted].map(({ promise }) =>
    outcome(
      unlessAborted(promise, control.signal, () => {
        throw new Error('discarding');
      }),
    ),
  );
  control.abort();
  await Promise.all(all);
  failing.reject(new Error('late'));
  wanted.resolve(1);
  await turn();
  assert.equal(unheard, []);
});
