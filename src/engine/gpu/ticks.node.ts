// ticks.node.ts: how Dawn's binding for Node waits. While anything is pending it asks for news by `setImmediate`, over and
// over, which keeps a core busy that a software adapter computes on: on two cores, works took up to twice as long. So after
// a moment it is made to pause between two looks.

/** It looks without pauses for so long, so that short work is not late. */
const EAGER_MILLIS = 2;
const PAUSE_MILLIS = 1;

const NATIVE = 'function () { [native code] }';
const isNative = (callback: unknown): boolean => Function.prototype.toString.call(callback) === NATIVE;

let isCalm = false;

/** From now on, for as long as the process runs. What else uses `setImmediate` notices nothing. */
export function calmTicks(): void {
  if (isCalm) return;
  isCalm = true;
  const { setImmediate } = globalThis;
  let isInTick = false;
  let since = 0;
  const calm = (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    if (!isNative(callback)) return setImmediate(callback, ...args);
    // A look that is asked for by the one before belongs to the same waiting.
    if (!isInTick) since = performance.now();
    const tick = () => {
      isInTick = true;
      try {
        callback(...args);
      } finally {
        isInTick = false;
      }
    };
    return performance.now() - since < EAGER_MILLIS ? setImmediate(tick) : setTimeout(tick, PAUSE_MILLIS);
  };
  globalThis.setImmediate = Object.defineProperties(calm, Object.getOwnPropertyDescriptors(setImmediate)) as never;
}
