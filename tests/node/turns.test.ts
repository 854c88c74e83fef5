// turns.test.ts: how much is under way at a time, and what a queue that is given up leaves undone.

import * as assert from 'uvu/assert';
import { Turns } from '../../src/engine/gpu/turns.ts';
import { suite } from '../support/suite.ts';

const test = suite('turns');

/** A queue, works that end when they are told to, and those that have begun. */
function queue(most: number) {
  const turns = new Turns(most);
  const begun: string[] = [];
  const ends = new Map<string, (failure?: Error) => void>();
  const take = (name: string): Promise<string> =>
    turns.take(() => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.set(name, (failure) => (failure ? reject(failure) : resolve(name))));
    });
  return { turns, begun, take, end: (name: string, failure?: Error) => ends.get(name)?.(failure) };
}

const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test('so many are under way, the others begin in order as places come free', async () => {
  const { begun, take, end } = queue(2);
  const works = ['a', 'b', 'c', 'd'].map(take);
  assert.equal(begun, ['a', 'b']);
  end('b');
  await settled();
  assert.equal(begun, ['a', 'b', 'c']);
  for (const name of ['a', 'c']) end(name);
  await settled();
  end('d');
  assert.equal(await Promise.all(works), ['a', 'b', 'c', 'd']);
});

test('one that fails gives up its place, and tells only whoever asked for it', async () => {
  const { begun, take, end } = queue(1);
  const [first, second] = [take('a'), take('b')];
  const failure = new Error('no');
  end('a', failure);
  assert.is(await reasonOf(first), failure);
  end('b');
  assert.is(await second, 'b');
  const third = take('c');
  assert.equal(begun, ['a', 'b', 'c']);
  end('c');
  await third;
});

test('what waits is refused when the queue is given up; what has begun ends', async () => {
  const { turns, begun, take, end } = queue(1);
  const [first, second] = [take('a'), take('b')];
  const why = new Error('closed');
  turns.clear(why);
  assert.is(await reasonOf(second), why);
  end('a');
  assert.is(await first, 'a');
  assert.equal(begun, ['a']);
});
