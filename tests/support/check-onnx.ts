// check-onnx.ts: what the ONNX project's own checker says of files, where a Python with `onnx` is installed.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The exit status of the script where `onnx` cannot be imported. */
const ABSENT = 3;

/** What is wrong with each file, by its name; undefined where no Python has `onnx`. */
export function onnxProblems(files: ReadonlyMap<string, Uint8Array>): Map<string, string> | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'facet-onnx-'));
  try {
    const names = [...files.keys()];
    const paths = names.map((_, i) => path.join(folder, `${i}.onnx`));
    paths.forEach((file, i) => void writeFileSync(file, files.get(names[i]) as Uint8Array));
    for (const python of ['/usr/bin/python3', 'python3']) {
      const { status, stdout, stderr, error } = spawnSync(python, ['tests/support/check-onnx.py', ...paths], {
        encoding: 'utf8',
      });
      if (error || status === ABSENT) continue;
      const lines = stdout.trim().split('\n');
      if (status !== 0 || lines.length !== names.length) throw new Error(`check-onnx.py failed: ${stderr}`);
      return new Map(names.map((name, i): [string, string] => [name, lines[i]]).filter(([, line]) => line !== 'ok'));
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
