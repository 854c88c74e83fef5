// models.ts: `facet models`: the networks that are known by name: those that come with Facet and those that are fetched.

import type { Command } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { parseModel, shippedModels } from '../../src/index.ts';
import { cacheFolder, FileCache } from '../cache.ts';
import { isCached, knownModels } from '../download.ts';
import { inProject } from '../project.ts';
import { report } from '../session.ts';
import { byteCount, grouped, table } from '../terminal.ts';

interface ModelsOptions {
  readonly json?: boolean;
  readonly clearCache?: boolean;
}

export function addModels(program: Command): void {
  program
    .command('models')
    .description('networks by the names that MODEL takes: those that come with Facet, and those that it fetches')
    .option('--clear-cache', 'remove all fetched networks from the cache')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .action((options: ModelsOptions) => (options.clearCache ? clearCache(options.json) : listModels(options.json)));
}

const shipped = () =>
  shippedModels
    .filter(({ file }) => existsSync(inProject(file)))
    .map(({ id, file, description, accuracy, preprocess, labels, input, licence }) => {
      const bytes = readFileSync(inProject(file));
      const model = parseModel(bytes, { name: id, preprocess, labels });
      return {
        id,
        description,
        accuracy,
        file: inProject(file),
        input,
        classes: model.classes,
        labels: model.labels,
        parameters: model.parameters,
        where: 'shipped',
        bytes: bytes.length,
        licence,
      };
    });

const fetchable = () => knownModels().map((model) => ({ ...model, where: isCached(model) ? 'cached' : 'to fetch' }));

function listModels(asJson: boolean | undefined): void {
  const models = [...shipped(), ...fetchable()];
  const text = () =>
    [
      table(
        [
          ['name', 'where', 'size', 'input', 'classes', 'licence', 'accuracy', 'what'],
          ...models.map(({ id, where, bytes, input, classes, licence, accuracy, description }) => [
            id,
            where,
            bytes === undefined ? '' : byteCount(bytes),
            input?.join('x') ?? '',
            classes === undefined ? '' : grouped(classes),
            licence,
            accuracy ?? '',
            description,
          ]),
        ],
        [2, 4],
      ),
      '',
      `What is fetched is kept in ${cacheFolder()}`,
    ].join('\n');
  report(asJson, () => ({ models, cache: cacheFolder() }), text);
}

function clearCache(asJson: boolean | undefined): void {
  const cache = new FileCache();
  const { files, bytes } = cache.clear();
  report(
    asJson,
    () => ({ cache: cache.folder, removed: files, bytes }),
    () => `${files} network${files === 1 ? '' : 's'} removed (${byteCount(bytes)}) from ${cache.folder}`,
  );
}
