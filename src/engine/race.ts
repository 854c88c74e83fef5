// race.ts: which of several variants is the fastest, by timings that other work on the machine disturbs. Decides only; what
// takes the time is handed in, so that a simulated clock can judge the decisions.

/** A variant while it is timed. */
export interface Timing {
  readonly variant: string;
  /** Microseconds, one a round, from the first round on: those of equal places were taken right after each other. */
  readonly samples: number[];
  /** Why it was left out, or left early. */
  note?: string;
}

/** What came of a race. */
export interface Verdict {
  /** The variant to take. */
  readonly chosen: string;
  /** False where the time was over before it was clear: then the usual one stays for want of anything better. */
  readonly isDecided: boolean;
}

/** What takes the place of the usual variant is faster by this share. */
const LEAST_GAIN = 0.05;
/**
 * How seldom one that is just as fast may win so many rounds by chance, were each round a toss of a coin. One round says
 * little on a busy machine, where the same kernel takes 70 µs or 900, and neither do median or minimum of a few.
 */
const CHANCE = 0.002;
const MOST_ROUNDS = 40;
/**
 * So many of the usual one's laps were as short as its shortest, within this share: then that is what it takes undisturbed, and
 * nothing seems faster that is not. Else the machine is too busy: variants of several dispatches suffer more from that.
 */
const CALM = { laps: 5, share: 0.05 };
/** Rounds after which a variant goes on only if it has won so many of them, as a share, by that gain. */
const TRIAL = { rounds: 6, wins: 0.34 };
/** One that is so many times slower than the usual one in each of the first rounds has lost already. */
const CLEARLY_SLOWER = { factor: 2, rounds: 3 };

/** The chance of at least `wins` heads in `rounds` tosses. */
function tail(rounds: number, wins: number): number {
  let [chance, term] = [0, 0.5 ** rounds];
  for (let heads = 0; heads <= rounds; heads++) {
    if (heads >= wins) chance += term;
    term *= (rounds - heads) / (heads + 1);
  }
  return chance;
}

const winsOver = (usual: readonly number[], samples: readonly number[]): number =>
  samples.filter((micros, round) => micros < (1 - LEAST_GAIN) * usual[round]).length;

/** Whether one is faster beyond doubt: nearly always right after the usual one, and at best as well. */
function beats({ samples }: Timing, { samples: usual }: Timing): boolean {
  const rounds = samples.length;
  const isOften = tail(rounds, winsOver(usual, samples)) <= CHANCE;
  return isOften && Math.min(...samples) < (1 - LEAST_GAIN) * Math.min(...usual.slice(0, rounds));
}

function isCalm({ samples }: Timing): boolean {
  const least = Math.min(...samples);
  return samples.filter((micros) => micros <= (1 + CALM.share) * least).length >= CALM.laps;
}

/** Notes why, where it has no chance left. */
function leaves(timing: Timing, usual: Timing): boolean {
  const { samples } = timing;
  const rounds = samples.length;
  const isSlow = samples.every((micros, round) => micros > CLEARLY_SLOWER.factor * usual.samples[round]);
  if (rounds >= CLEARLY_SLOWER.rounds && isSlow) timing.note = 'clearly slower';
  else if (rounds >= TRIAL.rounds && winsOver(usual.samples, samples) < TRIAL.wins * rounds) timing.note = 'not faster';
  return timing.note !== undefined;
}

/** The middle of the ratios to the usual one, round by round. */
function ratioOf({ samples }: Timing, { samples: usual }: Timing): number {
  const ratios = samples.map((micros, round) => micros / usual[round]).sort((a, b) => a - b);
  return ratios[Math.floor(ratios.length / 2)];
}

/**
 * Times the variants in rounds, until it is clear whether one is faster than the usual one. `runRound` takes those that still
 * run in the order in which to time them and gives the microseconds of each, or undefined where there is no time left.
 * The usual one runs in every round, for a moment in which the machine does something else hits those beside it alike.
 */
export async function race<T extends Timing>(
  usual: T,
  others: readonly T[],
  runRound: (order: readonly T[]) => Promise<readonly number[] | undefined>,
): Promise<Verdict> {
  let racing = [...others];
  for (let round = 0; racing.length > 0 && round < MOST_ROUNDS; round++) {
    // Each place in turn, forwards and backwards: neither being first nor following a certain one is to its advantage.
    const all = [usual, ...racing];
    const first = round % all.length;
    const turned = [...all.slice(first), ...all.slice(0, first)];
    const order = round % 2 === 0 ? turned : turned.reverse();
    const micros = await runRound(order);
    if (!micros) return { chosen: usual.variant, isDecided: false };
    order.forEach(({ samples }, k) => void samples.push(micros[k]));
    racing = racing.filter((timing) => !leaves(timing, usual));
    const fastest = [...racing].sort((a, b) => ratioOf(a, usual) - ratioOf(b, usual))[0];
    if (fastest && beats(fastest, usual) && isCalm(usual)) return { chosen: fastest.variant, isDecided: true };
  }
  for (const timing of racing) timing.note = isCalm(usual) ? 'not clearly faster' : 'the machine is too busy to tell';
  return { chosen: usual.variant, isDecided: racing.length === 0 || isCalm(usual) };
}
