// latest.test.ts: the page's queue of one: what waits gives way to a newer wish, and to nothing else.

import * as assert from 'uvu/assert';
import { Latest } from '../../demo/latest.ts';
import { suite } from '../support/suite.ts';

const test = suite('the newest task');

/** A queue at work, and what has run so far. */
function busy() {
  const tasks = new Latest();
  const ran: string[] = [];
  const named = (name: string) => async (): Promise<void> => void ran.push(name);
  let end = (): void => undefined;
  const done = tasks.push(async () => {
    ran.push('first');
    await new Promise<void>((resolve) => (end = resolve));
  });
  const finish = (): Promise<void> => {
    end();
    return done;
  };
  return { tasks, ran, named, finish };
}

test('of those that wait only the newest runs', async () => {
  const { tasks, ran, named, finish } = busy();
  for (const name of ['second', 'third']) void tasks.push(named(name));
  await finish();
  assert.equal(ran, ['first', 'third']);
});

test('what is offered takes no place of a wish, and gives way to one', async () => {
  const { tasks, ran, named, finish } = busy();
  void tasks.offer(named('drawn anew'));
  void tasks.push(named('start'));
  void tasks.offer(named('drawn anew'));
  await finish();
  assert.equal(ran, ['first', 'start']);
  await tasks.offer(named('drawn anew'));
  assert.equal(ran, ['first', 'start', 'drawn anew']);
});
