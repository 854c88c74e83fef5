// devices.ts: `facet devices`: the adapters that can be opened here, and what `--adapter` takes for each.

import type { Command } from 'commander';
import { type AdapterChoice, openNodeDevice } from '../../src/engine/gpu/dawn.node.ts';
import { type Device, DeviceError } from '../../src/index.ts';
import { report } from '../session.ts';
import { byteCount, table } from '../terminal.ts';
import { choosers, loadTuning } from '../tuning.ts';

/** Limits that decide what fits and how fast it runs. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

interface Adapter {
  readonly choice: AdapterChoice;
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly software: boolean;
  readonly features: readonly string[];
  readonly choices: Device['choices'];
  /** The same in words. */
  readonly chosenBy: string;
  readonly limits: Readonly<Record<(typeof LIMITS)[number], number>>;
}

export function addDevices(program: Command): void {
  program
    .command('devices')
    .description('GPUs that can be opened here, with their features and limits')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .action((options: { json?: boolean }) => listDevices(options.json));
}

async function listDevices(asJson: boolean | undefined): Promise<void> {
  const adapters: Adapter[] = [];
  const failures: string[] = [];
  // The real one first: opening the software adapter restricts the drivers of this process to its own.
  for (const choice of ['gpu', 'software'] as const) {
    const adapter = await describe(choice).catch((error: unknown) => {
      if (!(error instanceof DeviceError)) throw error;
      failures.push(error.message);
      return undefined;
    });
    if (adapter && adapter.software === (choice === 'software')) adapters.push(adapter);
  }
  if (adapters.length === 0) throw new DeviceError(failures.at(-1) ?? 'no adapter can be opened.');
  const auto = adapters[0].choice;
  report(
    asJson,
    () => ({ auto, adapters: adapters.map(({ chosenBy: _, ...adapter }) => adapter) }),
    () => adapters.map((adapter) => describeText(adapter, auto)).join('\n\n'),
  );
}

async function describe(choice: AdapterChoice): Promise<Adapter> {
  const device = await openNodeDevice(choice);
  try {
    const { name, vendor, architecture, software, features } = device.adapter;
    const limits = Object.fromEntries(LIMITS.map((limit) => [limit, device.gpu.limits[limit]])) as Adapter['limits'];
    await device.useTuning(loadTuning(device));
    const { choices } = device;
    return { choice, name, vendor, architecture, software, features, choices, chosenBy: choosers(device), limits };
  } finally {
    device.close();
  }
}

function describeText(
  { choice, name, vendor, architecture, features, limits, chosenBy }: Adapter,
  auto: AdapterChoice,
): string {
  const rows = LIMITS.map((limit) => [
    `  ${limit}`,
    limit.endsWith('Size') ? byteCount(limits[limit]) : String(limits[limit]),
  ]);
  return [
    `${name}${vendor ? ` (${[vendor, architecture].filter(Boolean).join(', ')})` : ''}: --adapter ${choice}${choice === auto ? ', taken by default' : ''}`,
    `  features  ${features.join(', ')}`,
    `  kernels   ${chosenBy}`,
    table(rows, [1]),
  ].join('\n');
}
