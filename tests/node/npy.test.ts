// npy.test.ts: arrays as NumPy writes them: what is written comes back, and what cannot be read is said.

import * as assert from 'uvu/assert';
import { decodeNpy, encodeNpy } from '../../cli/npy.ts';
import { parseNpy } from '../support/npy.ts';
import { suite } from '../support/suite.ts';

const test = suite('npy');

test('gives back what was written, as NumPy lays it out', () => {
  for (const shape of [[], [3], [2, 3], [1, 2, 3, 1]]) {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 3 - 1);
    const bytes = encodeNpy({ shape, data });
    assert.is((bytes.length - 4 * data.length) % 64, 0);
    assert.equal(decodeNpy(bytes, 'x'), { shape, data });
    assert.equal(parseNpy(bytes, 'x'), { shape, data });
  }
});

test('reads float64 and uint8, and says what it cannot read', () => {
  const file = (header: string, bytes: Uint8Array): Uint8Array => {
    const text = `{${header}}`.padEnd(117) + '\n';
    return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(text), bytes]);
  };
  const rest = "'fortran_order': False, 'shape': (2,), ";
  const doubles = new Uint8Array(Float64Array.of(1.5, -2).buffer);
  assert.equal([...decodeNpy(file(`'descr': '<f8', ${rest}`, doubles), 'x').data], [1.5, -2]);
  assert.equal([...decodeNpy(file(`'descr': '|u1', ${rest}`, Uint8Array.of(7, 255)), 'x').data], [7, 255]);
  const says = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decodeNpy(bytes, 'x.npy'), message);
  says(file(`'descr': '<i8', ${rest}`, new Uint8Array(16)), /"x.npy" holds numbers of type <i8.*float32/);
  says(file(`'descr': '<f4', ${rest}`, new Uint8Array(4)), /has 4 bytes of numbers; \[2\] of <f4 needs 8/);
  says(file(`'descr': '<f4', ${rest}`, new Uint8Array(Float32Array.of(1, Number.NaN).buffer)), /NaN at place 1/);
  says(file("'descr': '<f4', 'fortran_order': True, 'shape': (2,), ", new Uint8Array(8)), /Fortran order/);
  says(new Uint8Array(40), /no \.npy file/);
  says(new Uint8Array(0), /empty/);
});
