// benchPeers.ts: `facet bench`: this engine beside its peers, in one page of a headless Chromium.

import { commandOf, inOwnWords, openBundle } from './benchBundle.ts';
import { CommandError, Stopped, UsageError } from './errors.ts';
import { checkFolder, checkOutputs, writeWhole } from './files.ts';
import { heedInterrupt } from './interrupt.ts';
import type { GlobalOptions } from './options.ts';
import { report } from './session.ts';

export interface PeersOptions extends GlobalOptions {
  readonly quick?: boolean;
  readonly only?: string;
  readonly peers?: readonly string[];
  readonly sizes?: readonly number[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly patience?: number;
  /** False with --no-first. */
  readonly first: boolean;
  readonly json?: boolean;
  readonly output?: string;
}

interface PeerReport {
  readonly stopped?: string;
}

/** What of the bundle is used here. */
interface PeersModule {
  benchPeers(request: object): Promise<{ readonly report?: PeerReport; readonly files: readonly string[] }>;
  countWorks(selection: object): number;
  workKinds(): readonly string[];
  readonly peerNames: readonly string[];
  markdownOf(report: PeerReport): string;
  ownFaults(report: PeerReport): readonly string[];
}

export async function benchPeers(options: PeersOptions): Promise<void> {
  const { adapter, quick = false, only, sizes, rounds, seconds, patience, first, output } = options;
  if (options.memory !== undefined) {
    throw new UsageError('--memory limits this engine alone, so it goes with --kernels. Leave it out.');
  }
  if (output !== undefined) checkFolder(output);
  const bundle = await openBundle<PeersModule>('bench/peers.ts', 'dist/bench-peers.mjs');
  const peers = chosenPeers(options.peers, bundle.peerNames);
  const selection = { isQuick: quick, only, sizes, wantsFirst: first };
  if (bundle.countWorks(selection) === 0) {
    const kinds = bundle.workKinds().join(', ');
    throw new UsageError(`no work is called like --only "${only}". Leave it out, or give a part of a name: ${kinds}.`);
  }
  const command = commandOf([], {
    quick,
    only,
    peers: options.peers?.join(','),
    sizes: sizes?.join(','),
    rounds,
    seconds,
    patience,
    'no-first': !first,
    adapter: adapter === 'auto' ? undefined : adapter,
  });
  const signal = heedInterrupt();
  const request = { ...selection, adapter, peers, rounds, seconds, patience, output, command, signal };
  const found = await bundle
    .benchPeers({
      ...request,
      say: (text: string) => void process.stderr.write(`${text}\n`),
      checkFiles: (files: readonly string[]) => checkOutputs(...files),
      keepFiles: (contents: ReadonlyMap<string, Uint8Array | string>) => {
        for (const [file, content] of contents) writeWhole(file, content);
      },
    })
    .catch((error) => {
      throw inOwnWords(error);
    });
  const { report: measured, files } = found;
  if (measured) {
    report(
      options.json,
      () => ({ ...measured, files }),
      () => [bundle.markdownOf(measured).trimEnd(), ...files.map((file) => `wrote ${file}`)].join('\n\n'),
    );
  }
  if (!signal.aborted) {
    const faults = measured ? bundle.ownFaults(measured) : [];
    if (faults.length === 0) return;
    throw new CommandError(`this engine itself did not do ${faults.join(', ')}; the table tells why.`);
  }
  const kept = files.length > 0 ? `What was measured is in ${files.join(', ')}.` : 'No file is written.';
  throw new Stopped(`stopped before the end, with ${measured?.stopped ?? 'nothing'} measured. ${kept}`);
}

/** All where none are named, and none where that is the name. */
function chosenPeers(named: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  if (named === undefined) return known;
  if (named.length === 1 && named[0] === 'none') return [];
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `--peers: there is no peer "${unknown}". Known are ${known.join(', ')}, and none for none of them.`,
    );
  }
  return named;
}
