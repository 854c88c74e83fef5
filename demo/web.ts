// web.ts: networks that are fetched: by a name that the registry knows, or by an address; with a bar that can be cancelled.

import {
  downloadModel,
  isWebAddress,
  type Model,
  parseModel,
  publicModels,
  shippedModels,
  type WebModel,
} from '../src/index.ts';
import { openCache } from './cache.ts';
import { byId, create, option } from './dom.ts';

/** What the menu's entries for fetched networks lead to. */
export type WebSource = Pick<WebModel, 'id' | 'urls' | 'sha256' | 'bytes' | 'preprocess' | 'labels'>;

const MEBIBYTE = 2 ** 20;
const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(bytes < 100 * MEBIBYTE ? 1 : 0);

/** Entries of the menu, in groups. Its values are names, or addresses. */
export function fillMenu(menu: HTMLSelectElement): void {
  const shipped = create('optgroup', { label: 'With Facet' });
  shipped.append(...shippedModels.map(({ id, description }) => Object.assign(option(id), { title: description })));
  const web = create('optgroup', { label: 'From the web', id: 'web-networks' });
  for (const { id, description, bytes, licence } of publicModels) {
    const size = bytes === undefined ? '' : ` (${mebibytes(bytes)} MiB)`;
    web.append(Object.assign(option(id, `${id}${size}`), { title: `${description}. Licence: ${licence}` }));
  }
  menu.replaceChildren(shipped, web);
}

/** Chooses a name or an address in the menu; a new address becomes an entry. False where it is neither. */
export function choose(menu: HTMLSelectElement, wanted: string): boolean {
  const isListed = [...menu.options].some(({ value }) => value === wanted);
  if (!isListed && !isWebAddress(wanted)) return false;
  if (!isListed) byId('optgroup', 'web-networks').append(option(wanted, nameOf(wanted)));
  menu.value = wanted;
  return true;
}

/** What an entry of the menu leads to, where it is fetched. */
export const webSource = (entry: string): WebSource | undefined =>
  isWebAddress(entry) ? { id: nameOf(entry), urls: [entry] } : publicModels.find(({ id }) => id === entry);

/** `https://host/nets/a%20b.onnx` -> `a b` */
function nameOf(address: string): string {
  const parts = address.split(/[?#]/)[0].split('/').filter(Boolean);
  const last = parts[parts.length - 1];
  try {
    return decodeURIComponent(last).replace(/\.onnx$/i, '');
  } catch {
    return last; // a stray %
  }
}

/** Notes are sentences about what did not go as it should, though it went. */
export async function openWeb(
  { id, urls, sha256, bytes: expected, preprocess, labels }: WebSource,
  signal: AbortSignal,
): Promise<{ model: Model; notes: readonly string[] }> {
  try {
    const { bytes, notes } = await downloadModel(urls, {
      sha256,
      bytes: expected,
      signal,
      cache: await openCache(),
      onProgress: (received, total) => {
        if (!signal.aborted) showProgress(received, total);
      },
    });
    return { model: parseModel(bytes, { name: id, preprocess, labels }), notes };
  } finally {
    if (!signal.aborted) hideProgress();
  }
}

function showProgress(received: number, total?: number): void {
  const bar = byId('progress', 'download-bar');
  if (total === undefined) bar.removeAttribute('value');
  else bar.value = received / total;
  const all = total === undefined ? '' : ` of ${mebibytes(total)}`;
  byId('span', 'download-count').textContent = `${mebibytes(received)}${all} MiB`;
  byId('div', 'download').hidden = false;
}

export function hideProgress(): void {
  byId('div', 'download').hidden = true;
  byId('progress', 'download-bar').removeAttribute('value');
}

/** Calls back with the address that was typed, and when the download is to be cancelled. */
export function listenForAddresses(typed: (address: string) => void, cancelled: () => void): void {
  const address = byId('input', 'address');
  byId('form', 'address-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (address.value.trim()) typed(address.value.trim());
  });
  byId('button', 'cancel').addEventListener('click', cancelled);
}
