// peers.ts: the same for a peer: opens it, builds the network in it, reads its logits.

import type { Peer, Prepared } from '../peer.ts';
import { networksAt } from '../peer.ts';
import { pictureFor, report } from './report.ts';

const BASE = new URL('./', location.href).href;

/** Starts the engine while the network is on its way. */
export async function firstResult(open: (base: string) => Promise<Peer>): Promise<void> {
  const networks = networksAt(BASE);
  const [peer, network] = await Promise.all([open(BASE), networks('squeezenet')]);
  const asked = { ...network, picture: pictureFor(network.shape) };
  const prepared: Prepared = await peer.prepare({ kind: 'forward', network: 'squeezenet' }, async () => asked);
  await prepared.run();
  report(await prepared.result());
}
