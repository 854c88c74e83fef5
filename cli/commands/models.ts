// models.ts: `facet models`: the networks that come with Facet.

import type { Command } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { parseModel, shippedModels } from '../../src/index.ts';
import { inProject } from '../project.ts';
import { report } from '../session.ts';
import { grouped, table } from '../terminal.ts';

export function addModels(program: Command): void {
  program
    .command('models')
    .description('networks that come with Facet, by the names that MODEL takes')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .action((options: { json?: boolean }) => listModels(options.json));
}

function listModels(asJson: boolean | undefined): void {
  const models = shippedModels
    .filter(({ file }) => existsSync(inProject(file)))
    .map(({ id, file, description, accuracy, preprocess, labels, input }) => {
      const model = parseModel(readFileSync(inProject(file)), { name: id, preprocess, labels });
      return {
        id,
        description,
        accuracy,
        file: inProject(file),
        input,
        classes: model.classes,
        labels: model.labels,
        parameters: model.parameters,
      };
    });
  const text = () =>
    table(
      [
        ['name', 'input', 'classes', 'parameters', 'accuracy', 'what'],
        ...models.map(({ id, input, classes, parameters, accuracy, description }) => [
          id,
          input.join('x'),
          String(classes),
          grouped(parameters),
          accuracy,
          description,
        ]),
      ],
      [2, 3],
    );
  report(asJson, () => ({ models }), text);
}
