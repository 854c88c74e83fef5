// peerWorks.ts: what all engines are asked to do, as data. How an engine does it is its file's business in peers/.

export interface ConvSpec {
  /** Height and width of the picture. */
  readonly size: number;
  readonly channels: number;
  readonly filters: number;
  readonly taps: number;
  readonly stride: number;
  readonly pad: number;
  /** 1, or `channels` for a depthwise convolution. */
  readonly groups: number;
}

export type NetworkName = 'squeezenet' | 'googlenet' | 'drawings';

export type Work =
  | { readonly kind: 'matmul'; readonly size: number }
  | { readonly kind: 'conv'; readonly conv: ConvSpec }
  | { readonly kind: 'convInput'; readonly conv: ConvSpec }
  | { readonly kind: 'forward'; readonly network: NetworkName }
  /** Of the logit of a class, to the input. */
  | { readonly kind: 'gradient'; readonly network: NetworkName }
  /** Pixels behind a sigmoid, the mean of a channel of a late layer, its gradient, Adam. */
  | { readonly kind: 'visualization'; readonly network: NetworkName }
  /** The same as users get it: Fourier coefficients in decorrelated colours under random moves. */
  | { readonly kind: 'fourierVisualization'; readonly network: NetworkName }
  | { readonly kind: 'gradCam'; readonly network: NetworkName }
  | { readonly kind: 'integratedGradients'; readonly network: NetworkName; readonly points: number }
  /** Scores of pictures of which random cells of a grid are blackened. */
  | { readonly kind: 'masks'; readonly network: NetworkName; readonly count: number; readonly grid: number }
  /** Cross entropy of a batch, gradients of all weights, gradient descent. */
  | { readonly kind: 'training'; readonly network: NetworkName; readonly batch: number }
  | { readonly kind: 'irfft2'; readonly size: number; readonly channels: number }
  | { readonly kind: 'dispatches'; readonly count: number; readonly size: number };

export interface NamedWork {
  readonly name: string;
  readonly work: Work;
  /** Multiplications and additions of the definition, where the work is one op. */
  readonly flops?: number;
  /** Relative error (L2) up to which a result counts as right. */
  readonly tolerance: number;
  /** Left out by --quick. */
  readonly isLong?: boolean;
  /** Peers do one of so many equal parts, and take so many times as long for all. */
  readonly peerParts?: number;
  /** Only this engine does it, so there is nothing to compare with. */
  readonly isOwn?: boolean;
}

/** An item of work whose time is known tells that of many, where an engine has nothing better: `count` times `name`. */
interface Multiple {
  readonly name: string;
  readonly count: number;
}

const convolutions: readonly [string, ConvSpec][] = [
  ['7x7/2, 224², 3→64', { size: 224, channels: 3, filters: 64, taps: 7, stride: 2, pad: 3, groups: 1 }],
  ['3x3, 56², 64→128', { size: 56, channels: 64, filters: 128, taps: 3, stride: 1, pad: 1, groups: 1 }],
  ['1x1, 28², 256→64', { size: 28, channels: 256, filters: 64, taps: 1, stride: 1, pad: 0, groups: 1 }],
  ['depthwise 3x3, 56², 128', { size: 56, channels: 128, filters: 128, taps: 3, stride: 1, pad: 1, groups: 128 }],
];

/** Side of the result. */
export const outputSize = ({ size, taps, stride, pad }: ConvSpec): number =>
  Math.floor((size + 2 * pad - taps) / stride) + 1;

const convFlops = (conv: ConvSpec): number =>
  2 * outputSize(conv) ** 2 * conv.filters * conv.taps ** 2 * (conv.channels / conv.groups);

/**
 * Float32 sums of a few thousand terms keep six digits; a deep network loses some, and its gradient more at kinks. Engines that
 * compute the factors of a Fourier transform with WGSL's sines keep three on some adapters.
 */
const TOLERANCE = { op: 1e-4, fourier: 1e-3, forward: 1e-3, gradient: 5e-3 } as const;

/** Networks at their nominal size; those that are not at hand are left out. */
const networkTitles: Readonly<Record<NetworkName, string>> = {
  squeezenet: 'SqueezeNet 1.1, 224²',
  googlenet: 'GoogLeNet, 224²',
  drawings: 'drawings, 64²',
};

const gradientName = (network: NetworkName): string => `${networkTitles[network]}: input gradient`;

function networkWorks(network: NetworkName, isLong: boolean): NamedWork[] {
  const title = networkTitles[network];
  const { forward, gradient } = TOLERANCE;
  return [
    { name: `${title}: forward`, work: { kind: 'forward', network }, tolerance: forward, isLong },
    { name: gradientName(network), work: { kind: 'gradient', network }, tolerance: gradient, isLong },
    {
      name: `${title}: visualization step, pixels`,
      work: { kind: 'visualization', network },
      tolerance: gradient,
      isLong,
    },
    {
      name: `${title}: visualization step, Fourier and moves`,
      work: { kind: 'fourierVisualization', network },
      tolerance: gradient,
      isLong,
      isOwn: true,
    },
    { name: `${title}: Grad-CAM`, work: { kind: 'gradCam', network }, tolerance: gradient, isLong },
    {
      name: `${title}: integrated gradients, 50 points`,
      work: { kind: 'integratedGradients', network, points: 50 },
      tolerance: gradient,
      isLong: true,
    },
  ];
}

interface Choice {
  readonly sizes: readonly number[];
  readonly networks: readonly NetworkName[];
  /** Only works whose name contains one of these texts, which are in lower case. */
  readonly only?: readonly string[];
  readonly isQuick: boolean;
}

export function listWorks({ sizes, networks, only, isQuick }: Choice): NamedWork[] {
  const { op, fourier, forward, gradient } = TOLERANCE;
  const all: NamedWork[] = [
    ...sizes.map(
      (size): NamedWork => ({
        name: `matmul ${size}`,
        work: { kind: 'matmul', size },
        flops: 2 * size ** 3,
        tolerance: op,
      }),
    ),
    ...convolutions.map(
      ([name, conv]): NamedWork => ({
        name: `conv ${name}`,
        work: { kind: 'conv', conv },
        flops: convFlops(conv),
        tolerance: op,
      }),
    ),
    ...convolutions.map(
      ([name, conv]): NamedWork => ({
        name: `input gradient of conv ${name}`,
        work: { kind: 'convInput', conv },
        flops: convFlops(conv),
        tolerance: op,
      }),
    ),
    ...networks.flatMap((network) => (network === 'drawings' ? [] : networkWorks(network, network === 'googlenet'))),
    ...(networks.length === 1 ? networkWorks('drawings', false) : []),
    {
      name: `${networkTitles.drawings}: 1,024 Shapley masks`,
      work: { kind: 'masks', network: 'drawings', count: 1024, grid: 7 },
      tolerance: forward,
      peerParts: 8,
    },
    {
      name: `${networkTitles.drawings}: training step, 16 pictures`,
      work: { kind: 'training', network: 'drawings', batch: 16 },
      tolerance: gradient,
    },
    { name: 'irfft2, 224², 3 channels', work: { kind: 'irfft2', size: 224, channels: 3 }, tolerance: fourier },
    {
      name: '200 dispatches of 1,024 numbers',
      work: { kind: 'dispatches', count: 200, size: 1024 },
      tolerance: op,
    },
  ];
  return all.filter(({ name, isLong }) =>
    only ? only.some((text) => name.toLowerCase().includes(text)) : !(isQuick && isLong),
  );
}

/** The texts of `--only A|B`. */
export const textsOf = (only: string): string[] => only.split('|').map((text) => text.trim().toLowerCase());

/** Names up to their first size, each once: enough to choose works by. */
export const kindsOf = (names: readonly string[]): string[] => [
  ...new Set(names.map((name) => (/^(\d+ )?[^\d,:]+/.exec(name)?.[0] ?? name).trim())),
];

/** What a work is a multiple of, for engines that can only do it one item after another. */
export const multipleOf = (work: Work): Multiple | undefined =>
  work.kind === 'integratedGradients' ? { name: gradientName(work.network), count: work.points } : undefined;

/** The part of a work that is measured on a peer. */
export function peerPart({ work, peerParts = 1 }: NamedWork): Work {
  return work.kind === 'masks' ? { ...work, count: work.count / peerParts } : work;
}
