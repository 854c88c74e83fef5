// random.ts: seeded random numbers of the host, for data sets, training and initial pictures, the same on every machine:
// uniform ones by integer arithmetic only, to the bit; normal ones up to the last bit of a logarithm. Not for cryptography,
// and not the generator of the shaders (that one is in src/kernels/random.ts).

/** A source of uniform random numbers in [0, 1). */
export type Random = () => number;

/** Steps after which sfc32's state no longer shows how it was keyed (the number its author uses, PractRand). */
const warmUpSteps = 12;

/**
 * The random stream number `stream` of `seed`: a function that returns the next number in [0, 1), with 32 random bits.
 * Streams are independent, so a picture, an epoch or a worker takes one each and needs none of the others.
 * The generator is sfc32 (C. Doty-Humphrey, PractRand), its state keyed by the two numbers. Both are safe integers.
 */
export function rng(seed: number, stream: number): Random {
  for (const [name, value] of Object.entries({ seed, stream })) {
    if (!Number.isSafeInteger(value)) throw new Error(`rng: ${name} is ${value}. Pass an integer.`);
  }
  let a = scramble(seed);
  let b = scramble(stream ^ 0x9e3779b9); // the golden ratio's bits: (k, k) must not give a = b
  let c = scramble(highBits(seed) ^ scramble(highBits(stream)));
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let step = 0; step < warmUpSteps; step++) next();
  return next;
}

/** A number in [low, high). */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random();
}

/** True with probability `p`. */
export function chance(random: Random, p: number): boolean {
  return random() < p;
}

/** One of the items, each as likely as another. */
export function oneOf<T>(random: Random, items: readonly T[]): T {
  if (items.length === 0) throw new Error('oneOf: no items to choose from. Pass at least one.');
  return items[Math.floor(random() * items.length)];
}

/** `count` normal numbers with mean 0, from pairs of uniform ones (Box and Muller, 1958). */
export function normals(random: Random, count: number, deviation: number): Float32Array {
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** A bijection of 32-bit integers that spreads every input bit over all output bits (murmur3's finalizer). */
function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** What of a safe integer lies above its low 32 bits. */
function highBits(value: number): number {
  return Math.floor(value / 2 ** 32);
}
