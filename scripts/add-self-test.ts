// add-self-test.ts: `npm run add-self-test -- FILE.onnx …` writes into the metadata of ONNX files what their networks
// give for a fixed input, by the float64 references of the ops. Weights and all else stay byte for byte as they are.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseModel, withSelfTest } from '../src/index.ts';

for (const file of process.argv.slice(2)) {
  const bytes = readFileSync(file);
  const result = withSelfTest(bytes, parseModel(bytes, { name: path.basename(file) }));
  writeFileSync(`${file}.tmp`, result);
  renameSync(`${file}.tmp`, file);
  console.log(`${file}: ${result.length - bytes.length} bytes of self-test`);
}
