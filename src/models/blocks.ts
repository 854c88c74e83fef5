// blocks.ts: layers grouped as people speak of a network: by the blocks that the names of its layers tell of
// (`inception_4c/…`, `/layer1/layer1.0/…`, `model/block_1_expand/…`), elsewhere by the size of the maps.

import type { LayerInfo } from './model.ts';

export interface LayerBlock {
  /** `inception_4c`, or `maps of 28x28` (height x width), or `without maps`. */
  readonly title: string;
  /** In the order of the file. */
  readonly layers: readonly LayerInfo[];
}

/** A first part of a path that more than this share of the layers have in common names the network, not a block. */
const ROOT_SHARE = 0.5;

/** `block_1_expand`, `conv2_block1_1_conv`, `block2a_expand_conv`: the block with its number or letter. */
const NUMBERED_BLOCK = /^((?:\w*_)?block_?\d+[a-z]?)(?:_|$)/i;

/** `features.3.conv.0`, `layer1.0.conv1`: up to the first number. */
const DOTTED_NUMBER = /^(.*?\.\d+)(?:\.|$)/;

const pathOf = (name: string): string[] => name.split('/').filter((part) => part !== '');

/** Paths without the parts in front that most of them share: `model/`, `InceptionV1/InceptionV1/`. */
function withoutRoot(paths: readonly string[][]): readonly string[][] {
  const counts = new Map<string, number>();
  // Only a part with parts between it and the layer can be a root: that of `fire2/relu` is a block.
  for (const path of paths) if (path.length > 2) counts.set(path[0], (counts.get(path[0]) ?? 0) + 1);
  const [root] = [...counts].find(([, count]) => count > ROOT_SHARE * paths.length) ?? [];
  if (root === undefined) return paths;
  return withoutRoot(paths.map((path) => (path.length > 1 && path[0] === root ? path.slice(1) : path)));
}

/** What the path of a layer says of its block, if it says anything. */
function blockName(path: readonly string[]): string | undefined {
  const modules = path.slice(0, -1);
  // PyTorch repeats a module's path in that of its children: /layer1/layer1.0/conv1/…
  const candidates = modules.length > 0 ? modules : path;
  for (const pattern of [DOTTED_NUMBER, NUMBERED_BLOCK]) {
    for (const part of candidates) {
      const found = pattern.exec(part)?.[1];
      if (found) return found;
    }
  }
  return modules[0];
}

/** What layers that belong to no block are listed under. */
function sizeTitle({ shape }: LayerInfo): string {
  return shape.length === 3 ? `maps of ${shape[1]}x${shape[2]}` : 'without maps';
}

/**
 * The layers by block, blocks in the order of their first layers. Blocks of one layer are none: neighbours among them are
 * grouped by size.
 */
export function layerBlocks(layers: readonly LayerInfo[]): LayerBlock[] {
  const names = withoutRoot(layers.map(({ name }) => pathOf(name))).map(blockName);
  const counts = new Map<string, number>();
  for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  const blocks: { title: string; layers: LayerInfo[]; own?: string }[] = [];
  const named = new Map<string, LayerInfo[]>();
  layers.forEach((layer, i) => {
    const name = names[i];
    const isBlock = name !== undefined && (counts.get(name) as number) > 1;
    const title = isBlock ? name : sizeTitle(layer);
    const last = blocks[blocks.length - 1];
    const known = isBlock ? named.get(name) : last?.title === title ? last.layers : undefined;
    if (known) {
      known.push(layer);
      return;
    }
    const block = { title, layers: [layer], own: name };
    blocks.push(block);
    if (isBlock) named.set(name, block.layers);
  });
  // One that has no such neighbours keeps the name it has.
  return blocks.map(({ title, layers, own }) => ({ title: layers.length === 1 ? (own ?? title) : title, layers }));
}
