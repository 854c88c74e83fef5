// `facet bench` as a user or a script meets it: with --kernels, and beside peers.

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

const ladders = (...args: string[]) => start(['bench', '--kernels', ...args], env).done;

const test = suite('facet bench');
const patient = { timeoutSeconds: 600 };
test.after(() => rmSync(folder, { recursive: true }));

test(
  'a mistake about kernels is one sentence, before anything is timed',
  async () => {
    writeFileSync(at('text.onnx'), 'no network');
    const kernels = ['bench', '--kernels'];
    await refuse(1, [/"drowings"/, /drawings/], ...kernels, 'drowings');
    await refuse(1, [/text/, /not an ONNX/], ...kernels, at('text.onnx'));
    await refuse(1, [/"[^"]+absent\.onnx"/], ...kernels, 'drawings', at('absent.onnx'));
    await refuse(2, [/--only "abacus"/, /Softmax/, /Networks/], ...kernels, '--only', 'abacus');
    await refuse(2, [/--adapter/], ...kernels, '--adapter', 'abacus');
    await refuse(2, [/--rounds/, /--kernels/], ...kernels, '--rounds', '3');
    await refuse(2, [/--no-first/, /--kernels/], ...kernels, '--no-first');
    await refuse(2, [/is a file/], ...kernels, '--only', 'softmax', '--output', path.join(at('text.onnx'), 'below'));
    await refuse(
      1,
      [/1024 x 1024 x 1024 needs 12\.00 MiB of GPU memory; of the budget of 11\.00 MiB/, /--memory/],
      ...kernels,
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
    const first = await ladders('--quick', '--only', 'softmax|ReLU', '--output', out);
    assert.is(first.status, 0, first.stderr);
    const [json, table] = readdirSync(out).sort();
    assert.match(json, /^[\w-]+-softmax-relu-quick\.json$/);
    assert.is(table, json.replace('.json', '.md'));
    assert.ok(first.stdout.startsWith(readFileSync(path.join(out, table), 'utf8').trimEnd()));
    assert.match(first.stdout, /\nwrote \S+\.json\n/);
    assert.match(first.stdout, /`facet bench --kernels --quick --only "softmax\|ReLU"`/);
    assert.match(first.stdout, /No tuning was in force/);
    assert.match(first.stdout, /^\| 1 row of 1000 +\| \d\S* +\| \*\*\d\S*\*\* +\|/m);

    assert.not.ok('tuning' in JSON.parse(readFileSync(path.join(out, json), 'utf8')));

    const tuned = await start(['tune', 'drawings', '--task', 'run', '--budget', '3'], env).done;
    assert.is(tuned.status, 0, tuned.stderr);
    const second = await ladders('--quick', '--only', 'softmax', '--json');
    assert.is(second.status, 0, second.stderr);
    const found = JSON.parse(second.stdout);
    const [kept] = readdirSync(at('cache')).filter((name) => name.startsWith('tuning-'));
    const { ops } = JSON.parse(readFileSync(path.join(at('cache'), kept), 'utf8'));
    assert.is(found.tuning.ops, Object.keys(ops).length); // on a busy machine perhaps nothing is decided in time
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
  'Ctrl-C ends ladders at once with what is finished, and no file',
  async () => {
    const out = at('stopped');
    let sent = 0;
    const { status, stdout, stderr } = await start(
      ['bench', '--kernels', '--only', 'matrix|softmax', '--output', out],
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

test(
  'a mistake about peers is one sentence, before anything is installed or timed',
  async () => {
    writeFileSync(at('file'), '');
    await refuse(2, [/--only "abacus"/, /matmul, conv/, /SqueezeNet/], 'bench', '--only', 'abacus');
    await refuse(2, [/"abacus"/, /tfjs, jax, ort/], 'bench', '--peers', 'jax,abacus');
    await refuse(2, [/"drawings"/, /--kernels/], 'bench', 'drawings');
    await refuse(2, [/--sizes/, /whole number/], 'bench', '--sizes', '64,x');
    await refuse(2, [/--memory/, /--kernels/], 'bench', '--memory', '64');
    await refuse(2, [/is a file/], 'bench', '--output', path.join(at('file'), 'below'));
    const noBrowser = await start(['bench', '--peers', 'none'], { ...env, CHROMIUM: at('absent') }).done;
    assert.is(noBrowser.status, 1);
    assert.match(noBrowser.stderr, /^facet: CHROMIUM is "[^"]+absent", which does not run\. Correct or unset it\.\n$/);
  },
  patient,
);

const small = ['bench', '--peers', 'none', '--sizes', '32,64', '--rounds', '2', '--no-first'];

test(
  'numbers, table and picture of a run, with the limits of multiply-adds; the next run leaves other works',
  async () => {
    const out = at('peers');
    const first = await start([...small, '--only', 'MATMUL 32', '--output', out, '--json'], env).done;
    assert.is(first.status, 0, first.stderr);
    const found = JSON.parse(first.stdout);
    assert.not.ok('stopped' in found);
    assert.is(found.command, 'facet bench --only "MATMUL 32" --peers none --sizes 32,64 --rounds 2 --no-first');
    const [row] = found.rows;
    assert.is(row.name, 'matmul 32');
    assert.ok(row.limits.peak >= row.limits.loop && row.limits.loop > 1e8, JSON.stringify(row.limits));
    assert.equal(
      found.files.map((file: string) => path.extname(file)),
      ['.json', '.md', '.png'],
    );
    assert.equal(
      readdirSync(out).sort(),
      found.files.map((file: string) => path.basename(file)),
    );
    assert.is(readFileSync(found.files[2]).subarray(1, 4).toString(), 'PNG');

    const second = await start([...small, '--only', 'matmul 64', '--output', out], env).done;
    assert.is(second.status, 0, second.stderr);
    const table = readFileSync(found.files[1], 'utf8');
    assert.ok(second.stdout.startsWith(table.trimEnd()));
    assert.match(second.stdout, /\nwrote \S+\.png\n/);
    assert.match(table, /multiply-adds that load nothing: at most, and in a plain loop /);
    assert.match(table, /^\| matmul 64 \| \d.*\| \d+\.\d \| \d+ % \| \d+\.\d \| \d+ % \|$/m);
    assert.match(table, /^\| matmul 32 \[1\] \|.*\| \d+ % \|$/m);
    assert.match(table, /^\[1\] of an earlier run: .*, 2 rounds\.$/m);
  },
  patient,
);

test(
  'Ctrl-C ends it at once and keeps the works that are finished',
  async () => {
    const out = at('peers-stopped');
    let sent = 0;
    const { status, stdout, stderr } = await start(
      [...small, '--only', 'matmul 32|conv 7x7', '--output', out],
      env,
      (text, child) => {
        if (sent > 0 || !text.includes('\nconv 7x7')) return;
        sent = performance.now();
        child.kill('SIGINT');
      },
    ).done;
    assert.is(status, 1, stderr);
    assert.ok(performance.now() - sent < 3000);
    assert.match(
      stderr,
      /\nfacet: stopped before the end, with 1 of 3 works measured\. What was measured is in \S+\.json, /,
    );
    assert.match(stdout, / Stopped: 1 of 3 works\. /);
    const [json] = readdirSync(out).sort();
    const kept = JSON.parse(readFileSync(path.join(out, json), 'utf8'));
    assert.is(kept.stopped, '1 of 3 works');
    assert.equal(
      kept.rows.map(({ name }: { name: string }) => name),
      ['matmul 32'],
    );
  },
  patient,
);
