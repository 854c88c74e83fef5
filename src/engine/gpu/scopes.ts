// scopes.ts: what the GPU reports about work, caught by error scopes next to the call that caused it.
//
// WebGPU answers calls at once and tells of their failure later. Scopes are a stack of the whole device, so one is never
// held across an `await`: it is pushed and popped around one synchronous stretch, and only the answer is awaited.

import { DeviceError, OutOfMemoryError } from './errors.ts';

const FILTERS: readonly GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal'];

const REMEDY = 'Use a smaller picture or batch, or close what else uses the GPU.';

/** What a scope of this kind caught, in one sentence. */
function errorOf(filter: GPUErrorFilter, what: string, { message }: { readonly message: string }): DeviceError {
  const details = message.replace(/\s+/g, ' ').trim();
  return filter === 'out-of-memory'
    ? new OutOfMemoryError(`${what}: the GPU has no memory left. ${REMEDY} (${details})`)
    : new DeviceError(`${what}: the GPU reports an error: ${details}`);
}

/** A lack of memory is said first: the other errors follow from it. */
const gravest = (errors: readonly DeviceError[]): DeviceError | undefined =>
  errors.find((error) => error instanceof OutOfMemoryError) ?? errors[0];

/** Collects what is reported about a stretch of work; nothing is waited for until `settle`. */
export class Watch {
  readonly #gpu: GPUDevice;
  readonly #pending = new Set<Promise<void>>();
  #errors: DeviceError[] = [];

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /**
   * Makes synchronous calls within scopes. `what` says what was tried, `refine` may replace an error by one that says
   * more; both are called only where there is one.
   */
  during<T>(what: () => string, calls: () => T, refine?: (error: DeviceError) => Promise<DeviceError>): T {
    for (const filter of FILTERS) this.#gpu.pushErrorScope(filter);
    try {
      return calls();
    } catch (error) {
      // A buffer that is mapped when made needs memory here too, and its lack is thrown.
      throw error instanceof RangeError ? errorOf('out-of-memory', what(), error) : error;
    } finally {
      // The innermost scope is popped first.
      const answers = [...FILTERS].reverse().map(async (filter) => {
        const error = await this.#gpu.popErrorScope().catch(() => null); // a lost device has no answer
        return error ? [errorOf(filter, what(), error)] : [];
      });
      this.add(
        Promise.all(answers).then(async (found) => {
          const error = gravest(found.flat());
          return error && refine ? refine(error) : error;
        }),
      );
    }
  }

  /** Counts in an answer that is already on its way. */
  add(answer: Promise<DeviceError | undefined>): void {
    const entry = answer.then((error) => {
      this.#pending.delete(entry);
      if (error) this.#errors.push(error);
    });
    this.#pending.add(entry);
  }

  /** Waits for the answers to all calls so far; the gravest error among them, told once. */
  async settle(): Promise<DeviceError | undefined> {
    await Promise.all(this.#pending);
    const error = gravest(this.#errors);
    this.#errors = [];
    return error;
  }
}
