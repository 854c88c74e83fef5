// main.ts: the `facet` command: which commands there are, and how errors become one line and an exit code.

import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { editDistance } from '../src/models/error.ts';
import { addAttribute } from './commands/attribute.ts';
import { addBench } from './commands/bench.ts';
import { addCompare } from './commands/compare.ts';
import { addDevices } from './commands/devices.ts';
import { addInspect } from './commands/inspect.ts';
import { addModels } from './commands/models.ts';
import { addProfile } from './commands/profile.ts';
import { addRun } from './commands/run.ts';
import { addSanity } from './commands/sanity.ts';
import { addServe } from './commands/serve.ts';
import { addShapleyExample } from './commands/shapleyExample.ts';
import { addTune } from './commands/tune.ts';
import { addVisualize } from './commands/visualize.ts';
import { exitCodeOf, sentenceOf, UsageError } from './errors.ts';
import { listenForInterrupt } from './interrupt.ts';
import { globalOptions } from './options.ts';

const FOOTER = `
MODEL is the path or URL of an ONNX file, or a name that \`facet models\` lists. What is fetched is kept in a cache.
FACET_CACHE names its folder, FACET_REGISTRY a JSON file of further networks.
Exit codes: 0 done, 1 it failed, 2 the arguments are wrong.`;

function makeProgram(): Command {
  const program = new Command('facet')
    .description('Shows what a convolutional network sees and why it decides.')
    .exitOverride()
    // Errors are written below, in one way for all.
    .configureOutput({ writeErr: () => undefined })
    .configureHelp({ showGlobalOptions: true })
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show this, or what a command takes')
    .addHelpText('after', FOOTER);
  globalOptions(program);
  for (const add of [
    addInspect,
    addRun,
    addVisualize,
    addAttribute,
    addCompare,
    addShapleyExample,
    addSanity,
    addProfile,
    addTune,
    addBench,
    addServe,
    addModels,
    addDevices,
  ])
    add(program);
  return program;
}

/** Commander's own ways of ending well. */
const ENDINGS = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

/** Mistyped characters up to which a name is taken for another. */
const CLOSE = 2;

function missingCommand(program: Command, name: string | undefined): UsageError {
  const known = program.commands.map((command) => command.name());
  const list = `The commands are ${known.join(', ')}; \`facet --help\` says what they do.`;
  if (name === undefined) return new UsageError(`name a command. ${list}`);
  const near = known.find((command) => editDistance(command, name) <= CLOSE);
  return new UsageError(`there is no command "${name}". ${near ? `Did you mean "${near}"? ` : ''}${list}`);
}

async function main(args: readonly string[]): Promise<number> {
  const program = makeProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    let error = thrown;
    if (error instanceof CommanderError) {
      const isBare = error.code === 'commander.help' && !args.includes('help');
      if (ENDINGS.has(error.code) && !isBare) return 0;
      if (isBare) error = missingCommand(program, undefined);
      else if (error.code === 'commander.unknownCommand') error = missingCommand(program, program.args[0]);
    }
    return fail(error, args.includes('--verbose'));
  }
}

function fail(error: unknown, isVerbose: boolean): number {
  process.stderr.write(`facet: ${sentenceOf(error)}\n`);
  if (isVerbose && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodeOf(error);
}

/** Ends the process when what was printed has left; Dawn's threads would keep it alive. */
function end(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

// A reader that closes the pipe early (`| head`) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => end(fail(error, process.argv.includes('--verbose'))));
}
listenForInterrupt();
end(await main(process.argv.slice(2)));
