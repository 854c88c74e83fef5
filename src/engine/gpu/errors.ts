// errors.ts: what can go wrong with a GPU, as kinds that callers tell apart.

/** There is no usable GPU, or it reported an error: the message names the thing and the remedy. */
export class DeviceError extends Error {
  override name = 'DeviceError';
}

/** It does not fit: refused by the budget before anything was made, or by the GPU itself. */
export class OutOfMemoryError extends DeviceError {
  override name = 'OutOfMemoryError';
}

/** The GPU was lost while it worked. `Device` gets it back by itself; what was interrupted can be done again. */
export class DeviceLostError extends DeviceError {
  override name = 'DeviceLostError';
}
