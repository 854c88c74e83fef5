// `facet bench` as a user or a script meets it.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { refuse, start } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-bench-'));
const at = (name: string): string => path.join(folder, name);
/** A cache of its own, so that no tuning of this machine plays a part. */
const env = { FACET_CACHE: at('cache') };

const bench = (...args: string[]) => start(['bench', ...args], env).done;

const test = suite('facet bench');
const patient = { timeoutSeconds: 600 };
test.after(() => rmSync(folder, { recursive: true }));

test(
  'a mistake is one sentence, before anything is timed',
  async () => {
    writeFileSync(at('text.onnx'), 'no network');
    await refuse(1, [/"drowings"/, /drawings/], 'bench', 'drowings');
    await refuse(1, [/text/, /not an ONNX/], 'bench', at('text.onnx'));
    await refuse(1, [/"[^"]+absent\.onnx"/], 'bench', 'drawings', at('absent.onnx'));
    await refuse(2, [/--only "abacus"/, /Softmax/, /Networks/], 'bench', '--only', 'abacus');
    await refuse(2, [/--adapter/], 'bench', '--adapter', 'abacus');
    await refuse(2, [/is a file/], 'bench', '--only', 'softmax', '--output', path.join(at('text.onnx'), 'below'));
    await refuse(
      1,
      [/1024 x 1024 x 1024 needs 12\.00 MiB of GPU memory; of the budget of 11\.00 MiB/, /--memory/],
      'bench',
      '--only',
      'softmax|1024 x',
      '--memory',
      '11',
    );
  },
  patient,
);

test(
  'table and numbers go to files named after what was measured; no tuning, then one',
  async () => {
    const out = at('results');
    const first = await bench('--quick', '--only', 'softmax|ReLU', '--output', out);
    assert.is(first.status, 0, first.stderr);
    const [json, table] = readdirSync(out).sort();
    assert.match(json, /^[\w-]+-softmax-relu-quick\.json$/);
    assert.is(table, json.replace('.json', '.md'));
    assert.ok(first.stdout.startsWith(readFileSync(path.join(out, table), 'utf8').trimEnd()));
    assert.match(first.stdout, /\nwrote \S+\.json\n/);
    assert.match(first.stdout, /`facet bench --quick --only "softmax\|ReLU"`/);
    assert.match(first.stdout, /No tuning was in force/);
    assert.match(first.stdout, /^\| 1 row of 1000 +\| \d\S* +\| \*\*\d\S*\*\* +\|/m);

    assert.not.ok('tuning' in JSON.parse(readFileSync(path.join(out, json), 'utf8')));

    const tuned = await start(['tune', 'drawings', '--task', 'run', '--budget', '3'], env).done;
    assert.is(tuned.status, 0, tuned.stderr);
    const second = await bench('--quick', '--only', 'softmax', '--json');
    assert.is(second.status, 0, second.stderr);
    const found = JSON.parse(second.stdout);
    assert.ok(found.tuning.ops > 0);
    assert.is(found.tuning.outdated, 0);
    assert.equal(found.files, []);
    const [work] = found.works;
    assert.is(work.family, 'Softmax');
    assert.equal(
      work.forms.map(({ variant }: { variant: string }) => variant),
      ['naive', 'workgroup'],
    );
    assert.is(work.taken, 'workgroup');
    assert.ok(work.forms.every(({ millis, rounds }: { millis: number; rounds: number }) => millis > 0 && rounds > 0));
    assert.ok(found.limits.bytesPerSecond > 0 && work.share > 0);
  },
  patient,
);

test(
  'Ctrl-C ends it at once with what is finished, and no file',
  async () => {
    const out = at('stopped');
    let sent = 0;
    const { status, stdout, stderr } = await start(
      ['bench', '--only', 'matrix|softmax', '--output', out],
      env,
      (text, child) => {
        if (sent > 0 || !/^bench [1-9]\d*\/11 /m.test(text)) return;
        sent = performance.now();
        child.kill('SIGINT');
      },
    ).done;
    assert.is(status, 1, stderr);
    assert.ok(performance.now() - sent < 3000);
    assert.match(stderr, /\nfacet: stopped before the end, with \d+ of 11 works finished\. No file is written\.\n$/);
    assert.match(stdout, /Stopped: \d+ of 11 works\./);
    assert.match(stdout, /^\| 256 x 256 x 256 /m);
    assert.not.ok(existsSync(out));
  },
  patient,
);
