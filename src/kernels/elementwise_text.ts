// elementwise_text.ts: straight-line programs as WGSL: by themselves, and as the epilogue of another op's kernels.

import { epilogueAccess, table } from './elementwise.ts';
import { showShape } from './shape.ts';
import { type KernelContext, OpError, type ScalarProgram, type TextParams } from './types.ts';

/** A number as a WGSL f32 literal. */
export function literal(value: number): string {
  if (!Number.isFinite(value)) throw new OpError(`elementwise: ${value} cannot be written as a WGSL constant.`);
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The steps as `let` statements over the given operand expressions; `result` names the last. */
export function statements(program: ScalarProgram, operands: readonly string[]): { body: string; result: string } {
  const names = [...operands];
  const lines = program.steps.map((step, k) => {
    const [a, b, c] = 'literal' in step ? [] : step.args.map((i) => names[i]);
    const text = 'literal' in step ? `T(${literal(step.literal)})` : table[step.op].wgsl(a, b, c);
    names.push(`t${k}`);
    return `  let t${k} = ${text};`;
  });
  return { body: lines.join('\n'), result: names[names.length - 1] };
}

/** A binding without its number, which `expandShader` gives it. */
export const declareInput = (name: string, type: string): string => `var<storage> ${name}: array<${type}>;`;

/** The operands of an epilogue: declared, how each is reached, and its expression where `channel` and `at` are known. */
function epilogueOperands({ epilogue, output }: KernelContext<unknown>, width: 1 | 4) {
  const type = width === 4 ? 'vec4f' : 'f32';
  return (epilogue?.operands ?? []).map((shape, k) => {
    const access = epilogueAccess(shape, output);
    if (!access) throw new OpError(`epilogue: operand ${showShape(shape)} does not fit ${showShape(output)}.`);
    const name = `e${k}`;
    const load = { scalar: `T(${name}[0])`, same: `${name}[at]`, channel: `${name}[channel]` }[access];
    return { name, access, load, binding: declareInput(name, access === 'scalar' ? 'f32' : type) };
  });
}

function epilogueBody({ epilogue }: KernelContext<unknown>, operands: readonly string[]): string {
  if (!epilogue) return '  return acc;';
  const { body, result } = statements(epilogue.program, ['acc', ...operands]);
  return `${body}\n  return ${result};`;
}

/**
 * Text parameters `EPILOGUE_BINDINGS` and `EPILOGUE` for a shader that calls `epilogue(acc, at, channel)`: `at` the
 * index of the result and `channel` its channel, both counted in units of `T` (`width` values).
 */
export function epilogueText(context: KernelContext<unknown>, width: 1 | 4): TextParams {
  const operands = epilogueOperands(context, width);
  return {
    EPILOGUE_BINDINGS: operands.map(({ binding }) => binding).join('\n'),
    EPILOGUE: epilogueBody(
      context,
      operands.map(({ load }) => load),
    ),
  };
}

/**
 * The same for a shader that includes `held_epilogue` and calls `epilogue(acc, at, held)` with `held = hold(channel)`, so
 * that what belongs to a channel is loaded once for many results of it.
 */
export function heldEpilogueText(context: KernelContext<unknown>, width: 1 | 4): TextParams {
  const operands = epilogueOperands(context, width);
  const held = operands.filter(({ access }) => access !== 'same');
  return {
    EPILOGUE_BINDINGS: operands.map(({ binding }) => binding).join('\n'),
    // A struct has one member at least.
    HELD_MEMBERS: held.map(({ name }) => `${name}: T,`).join(' ') || 'nothing: u32,',
    HELD_LOADS: held.map(({ load }) => load).join(', ') || '0u',
    EPILOGUE: epilogueBody(
      context,
      operands.map(({ name, access, load }) => (access === 'same' ? load : `held.${name}`)),
    ),
  };
}
