// registry.test.ts: networks known by name: the public ones, and those of a registry of the user's own.

import * as assert from 'uvu/assert';
import { parseRegistry, publicModels, shippedModels, unknownModel, webModels } from '../../src/index.ts';
import { suite } from '../support/suite.ts';

const test = suite('registry');

test('the public networks are described whole, each under one name', () => {
  assert.ok(publicModels.length >= 6);
  const ids = [...shippedModels, ...publicModels].map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
  for (const { id, urls, sha256, bytes, preprocess, licence, source, input, classes } of publicModels) {
    assert.match(sha256 ?? '', /^[0-9a-f]{64}$/, id);
    assert.ok(bytes && bytes > 1e6 && preprocess && licence && source && input && classes, id);
    assert.is(preprocess?.source, 'registry');
    for (const url of urls) assert.match(url, /^https:\/\/.*\.onnx$/);
  }
  assert.is(new Set(publicModels.map(({ sha256 }) => sha256)).size, publicModels.length);
  assert.match(unknownModel('resnet19').message, /"resnet18"/);
  assert.match(unknownModel('drawing').message, /"drawings"/);
});

test('one of the user’s own is read, and goes before', () => {
  const own = parseRegistry(
    JSON.stringify({
      networks: [
        { id: 'mine', url: 'https://host/mine.onnx', preprocess: 'caffe', labels: ['a', 'b'], sha256: 'AB'.repeat(32) },
        { id: 'resnet18', url: ['https://a/r', 'https://b/r'], preprocess: { range: [-1, 1], size: [64, 64] } },
      ],
    }),
    'own.json',
  );
  assert.is(own[0].preprocess?.order, 'BGR');
  assert.is(own[0].preprocess?.source, 'registry');
  assert.is(own[0].sha256, 'ab'.repeat(32));
  assert.equal(own[1].preprocess?.size, [64, 64]);
  const all = webModels(own);
  assert.is(all.length, publicModels.length + 1);
  assert.equal(all.find(({ id }) => id === 'resnet18')?.urls, ['https://a/r', 'https://b/r']);
});

test('says which entry is not understood', () => {
  const cases: [unknown, RegExp][] = [
    ['{', /no JSON/],
    [[], /must hold \{"networks"/],
    [{ networks: [3] }, /entry 1: it must be an object/],
    [{ networks: [{ url: 'https://h/x' }] }, /entry 1: "id" is missing/],
    [{ networks: [{ id: 'x' }] }, /entry 1: "url" is missing/],
    [{ networks: [{ id: 'a/b', url: 'https://h/x' }] }, /"id" must be a name/],
    [{ networks: [{ id: 'x', url: 'file:///x' }] }, /no web address/],
    [{ networks: [{ id: 'x', url: 'https://h/x', sha: 'y' }] }, /"sha" is no field/],
    [{ networks: [{ id: 'x', url: 'https://h/x', sha256: 'y' }] }, /64 hexadecimal digits/],
    [{ networks: [{ id: 'x', url: 'https://h/x', preprocess: 'nonesuch' }] }, /no preprocessing "nonesuch"/],
    [{ networks: [{ id: 'x', url: 'https://h/x', preprocess: { std: [0] } }] }, /must not hold 0/],
    [{ networks: [{ id: 'drawings', url: 'https://h/x' }] }, /comes with Facet/],
    [
      {
        networks: [
          { id: 'x', url: 'https://h/x' },
          { id: 'x', url: 'https://h/y' },
        ],
      },
      /"x" twice/,
    ],
  ];
  for (const [json, says] of cases) {
    const text = typeof json === 'string' ? json : JSON.stringify(json);
    assert.throws(() => parseRegistry(text, 'own.json'), says);
  }
});
