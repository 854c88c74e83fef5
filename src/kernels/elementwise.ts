// elementwise.ts: how straight-line programs of the ops in elementwise_table.ts are computed and become WGSL.

import { elementwiseTable, type Row } from './elementwise_table.ts';
import { broadcastShapes, broadcastStrides, grid1d, sameShape, showShape, sizeOf, stridesOf } from './shape.ts';
import {
  type Cost,
  defineOp,
  type Kernel,
  type KernelContext,
  type NdArray,
  type OpDef,
  OpError,
  type ScalarProgram,
  type Shape,
  type TextParams,
} from './types.ts';

export type ElementwiseName = keyof typeof elementwiseTable;
const table: Record<string, Row> = elementwiseTable;

export const isElementwise = (op: string): op is ElementwiseName => Object.hasOwn(elementwiseTable, op);

/** The program of a single elementwise op. */
export const singleStep = (op: ElementwiseName): ScalarProgram => ({
  operands: table[op].arity,
  steps: [{ op, args: Array.from({ length: table[op].arity }, (_, i) => i) }],
});

// --- meaning -----------------------------------------------------------------------------------------------------

/** Result of the program for one element, in float64. `values` holds the operands and is extended in place. */
function evaluate(program: ScalarProgram, values: number[]): number {
  for (const step of program.steps) {
    if ('literal' in step) values.push(step.literal);
    else {
      const [a, b, c] = step.args;
      values.push(table[step.op].f(values[a], values[b], values[c]));
    }
  }
  return values[values.length - 1];
}

/** The program over whole arrays of broadcastable shapes, in float64. */
export function evaluateProgram(program: ScalarProgram, inputs: readonly NdArray[], output: Shape): Float64Array {
  const y = new Float64Array(sizeOf(output));
  const strides = inputs.map((x) => broadcastStrides(x.shape, output));
  const positions = stridesOf(output);
  for (let i = 0; i < y.length; i++) {
    const values = inputs.map((x, k) => {
      let at = 0;
      for (let axis = 0; axis < output.length; axis++) {
        at += (Math.floor(i / positions[axis]) % output[axis]) * strides[k][axis];
      }
      return x.data[at];
    });
    y[i] = evaluate(program, values);
  }
  return y;
}

export const programFlops = (program: ScalarProgram): number =>
  program.steps.reduce((sum, step) => sum + ('literal' in step ? 0 : table[step.op].flops), 0);

// --- WGSL --------------------------------------------------------------------------------------------------------

/** A number as a WGSL f32 literal. */
export function literal(value: number): string {
  if (!Number.isFinite(value)) throw new OpError(`elementwise: ${value} cannot be written as a WGSL constant.`);
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The steps as `let` statements over the given operand expressions; `result` names the last. */
function statements(program: ScalarProgram, operands: readonly string[]): { body: string; result: string } {
  const names = [...operands];
  const lines = program.steps.map((step, k) => {
    const [a, b, c] = 'literal' in step ? [] : step.args.map((i) => names[i]);
    const text = 'literal' in step ? `T(${literal(step.literal)})` : table[step.op].wgsl(a, b, c);
    names.push(`t${k}`);
    return `  let t${k} = ${text};`;
  });
  return { body: lines.join('\n'), result: names[names.length - 1] };
}

/** First binding of inputs: 0 holds the uniforms, 1 the output. */
export const FIRST_INPUT_BINDING = 2;

const declareInput = (binding: number, name: string, type: string): string =>
  `@group(0) @binding(${binding}) var<storage, read> ${name}: array<${type}>;`;

/** How an epilogue reads an operand: with the result, once for all, or one value a channel. */
export type EpilogueAccess = 'same' | 'scalar' | 'channel';

export function epilogueAccess(operand: Shape, output: Shape): EpilogueAccess | undefined {
  if (sizeOf(operand) === sizeOf(output) && sameShape(operand, output.slice(output.length - operand.length)))
    return 'same';
  if (sizeOf(operand) === 1) return 'scalar';
  const last = operand.length - 1;
  const perChannel = operand[last] === output[output.length - 1] && operand.every((d, i) => i === last || d === 1);
  return perChannel ? 'channel' : undefined;
}

/** The operands of an epilogue: declared, how each is reached, and its expression where `channel` and `at` are known. */
function epilogueOperands({ epilogue, inputs, output }: KernelContext<unknown>, width: 1 | 4) {
  const type = width === 4 ? 'vec4f' : 'f32';
  const first = FIRST_INPUT_BINDING + inputs.length;
  return (epilogue?.operands ?? []).map((shape, k) => {
    const access = epilogueAccess(shape, output);
    if (!access) throw new OpError(`epilogue: operand ${showShape(shape)} does not fit ${showShape(output)}.`);
    const name = `e${k}`;
    const load = { scalar: `T(${name}[0])`, same: `${name}[at]`, channel: `${name}[channel]` }[access];
    return { name, access, load, binding: declareInput(first + k, name, access === 'scalar' ? 'f32' : type) };
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

/** Merges neighbouring axes that every operand walks alike, so that most programs see one or two axes. */
function coalesce(output: Shape, strides: readonly number[][]): { dims: number[]; strides: number[][] } {
  const dims: number[] = [];
  const merged: number[][] = strides.map(() => []);
  output.forEach((size, axis) => {
    if (size === 1 && output.length > 1) return;
    const last = dims.length - 1;
    const joins = last >= 0 && strides.every((s, k) => merged[k][last] === s[axis] * size);
    if (joins) {
      dims[last] *= size;
      for (const [k, s] of strides.entries()) merged[k][last] = s[axis];
    } else {
      dims.push(size);
      for (const [k, s] of strides.entries()) merged[k].push(s[axis]);
    }
  });
  return dims.length > 0 ? { dims, strides: merged } : { dims: [1], strides: strides.map(() => [0]) };
}

const WORKGROUP = 64;

/** The one dispatch that computes a program over broadcastable inputs. */
export function programKernel(program: ScalarProgram, context: KernelContext<unknown>): Kernel {
  const { inputs, output, inPlace, device } = context;
  const { dims, strides } = coalesce(
    output,
    inputs.map((s) => broadcastStrides(s, output)),
  );
  const last = dims.length - 1;
  const vectors =
    dims[last] % 4 === 0 &&
    strides.every(
      (s) => s[last] === 0 || (s[last] === 1 && s.every((stride, axis) => axis === last || stride % 4 === 0)),
    );
  const width = vectors ? 4 : 1;
  const counts = dims.map((d, axis) => (axis === last ? d / width : d));
  const own = stridesOf(counts);
  const uniforms: Record<string, number> = { count: sizeOf(output) / width };
  const usedAxes = new Set<number>();
  const bindings: string[] = [];
  let binding = FIRST_INPUT_BINDING;
  const loads = inputs.map((_, k) => {
    if (k === inPlace) return 'y[i]';
    const scalarLoad = width === 4 && strides[k][last] === 0;
    const steps = strides[k].map((s, axis) => (width === 4 && !scalarLoad && axis !== last ? s / 4 : s));
    bindings.push(declareInput(binding++, `x${k}`, width === 4 && !scalarLoad ? 'vec4f' : 'f32'));
    if (!scalarLoad && steps.every((s, axis) => s === own[axis] || counts[axis] === 1)) return `x${k}[i]`;
    const parts = steps.flatMap((s, axis) => {
      if (s === 0 || counts[axis] === 1) return [];
      usedAxes.add(axis);
      if (s === 1) return [`c${axis}`];
      uniforms[`s${k}_${axis}`] = s;
      return [`c${axis} * params.s${k}_${axis}`];
    });
    const load = `x${k}[${parts.length > 0 ? parts.join(' + ') : '0'}]`;
    return scalarLoad ? `T(${load})` : load;
  });
  const coordinates = [...usedAxes].sort().map((axis) => {
    if (counts.length === 1) return `  let c0 = i;`;
    if (axis > 0) uniforms[`n${axis}`] = counts[axis];
    if (axis < last) uniforms[`o${axis}`] = own[axis];
    const quotient = axis < last ? `(i / params.o${axis})` : 'i';
    return `  let c${axis} = ${axis > 0 ? `${quotient} % params.n${axis}` : quotient};`;
  });
  const named = loads.map((load, k) => `  let a${k} = ${load};`);
  const { body, result } = statements(
    program,
    loads.map((_, k) => `a${k}`),
  );
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'elementwise',
    text: {
      TYPE: width === 4 ? 'vec4f' : 'f32',
      WORKGROUP,
      PARAMS: Object.keys(uniforms)
        .map((name) => `  ${name}: u32,`)
        .join('\n'),
      BINDINGS: bindings.join('\n'),
      BODY: [...coordinates, ...named, body].join('\n'),
      RESULT: result,
    },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}

// --- ops ---------------------------------------------------------------------------------------------------------

const programCost = (program: ScalarProgram, inputs: readonly Shape[], output: Shape): Cost => ({
  flops: sizeOf(output) * programFlops(program),
  bytes: 4 * (sizeOf(output) + inputs.reduce((sum, s) => sum + sizeOf(s), 0)),
  terms: programFlops(program),
});

const elementwiseOp = (op: ElementwiseName): OpDef<Record<string, never>> => {
  const program = singleStep(op);
  return defineOp({
    inPlace: true,
    shape: (inputs) => {
      if (inputs.length !== program.operands) {
        throw new OpError(`${op}: takes ${program.operands} values, got ${inputs.length}.`);
      }
      return broadcastShapes(op, inputs);
    },
    reference: (inputs, _, output) => evaluateProgram(program, inputs, output),
    cost: (inputs, _, output) => programCost(program, inputs, output),
    kernels: (context) => [programKernel(program, context)],
  });
};

export const elementwiseOps = Object.fromEntries(
  Object.keys(elementwiseTable).map((op) => [op, elementwiseOp(op as ElementwiseName)]),
) as { [K in ElementwiseName]: OpDef<Record<string, never>> };

/** Several elementwise ops in one dispatch; made by the fusion pass, never by hand. */
export const fused = defineOp<{ readonly program: ScalarProgram }>({
  inPlace: true,
  shape: (inputs) => broadcastShapes('fused', inputs),
  reference: (inputs, { program }, output) => evaluateProgram(program, inputs, output),
  cost: (inputs, { program }, output) => programCost(program, inputs, output),
  kernels: (context) => [programKernel(context.attrs.program, context)],
});
