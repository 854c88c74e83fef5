// index.ts: the public API: what the page, the command line and other programs use.

export { gradient } from './autodiff/gradient.ts';
export { unlessAborted } from './engine/abort.ts';
export { defaultRules } from './autodiff/rules/index.ts';
export { type AdapterDescription, Device, openDevice, type OpenOptions } from './engine/gpu/device.ts';
export { DeviceError, DeviceLostError, OutOfMemoryError } from './engine/gpu/errors.ts';
export { largestBatch } from './engine/gpu/memory.ts';
export { Presenter } from './engine/gpu/present.ts';
export { profile, type ProfileOptions } from './engine/gpu/profile.ts';
export { compile, type CompileOptions, type Program, type Step } from './engine/gpu/program.ts';
export { measureRoofline } from './engine/gpu/roofline.ts';
export { tune, type TimedOp, type TuneOptions, type TuneReport, type VariantTiming } from './engine/gpu/tune.ts';
export { type StepVariants, timeVariants } from './engine/gpu/variants.ts';
export { type Computation, computation, Graph, type Tensor, type Update, Value } from './engine/graph.ts';
export { interpret } from './engine/interpret.ts';
export * as ops from './engine/ops/index.ts';
export { optimize } from './engine/optimize.ts';
export { makePlan, type Plan } from './engine/plan.ts';
export { type BufferUse, layersOf, stepTitle } from './engine/describe.ts';
export { printComputation, printPlan, printSteps } from './engine/print.ts';
export {
  type KernelText,
  type KindTotal,
  type Profile,
  shareOf,
  type LoweredOp,
  type StepProfile,
  totalsByKind,
} from './engine/profile.ts';
export { type Bound, judge, type MeasuredRoofline, type Roofline, rooflineWarning } from './engine/roofline.ts';
export { type Lifetime, type MemoryTimeline, memoryTimeline } from './engine/timeline.ts';
export { type ChromeTrace, chromeTrace, type TraceEvent } from './engine/trace.ts';
export { isCurrent, type KnownChoices, knownWith, mergeTunings, readTuning, type Tuning } from './engine/tuning.ts';
export { knownChoices } from './engine/tuning_known.ts';
export { OpError } from './kernels/types.ts';
export * from './models/index.ts';
export { drawing, drawingClasses } from './training/drawings.ts';
export { type Baseline, makeBaseline } from './viz/attribution/baseline.ts';
export {
  type GameByHand,
  type MethodValues,
  type OrderOfArrival,
  playByHand,
  type SetScore,
  showSet,
} from './viz/attribution/byHand.ts';
export { type FeatureMap, gridFeatures, maskFeatures, pixelFeatures, spread } from './viz/attribution/features.ts';
export type { AttributionRequest, Attributor, Method } from './viz/attribution/method.ts';
export { findMethod, type MethodName, methods } from './viz/attribution/methods.ts';
export { type Option, type OptionsOf, type OptionTable, withDefaults } from './viz/attribution/options.ts';
export { sumAttribution, type SumKind, sums } from './viz/attribution/reduce.ts';
export type { Attribution } from './viz/attribution/result.ts';
export {
  type Context,
  parseUnit,
  type ScoreKind,
  scoreKinds,
  showUnit,
  type Subject,
  type Unit,
} from './viz/attribution/subject.ts';
export { hogSimilarity, pearson, spearman, ssim } from './viz/metrics/similarity.ts';
export {
  type SanityCheck,
  sanityCheck,
  type SanityMode,
  sanityModes,
  type SanityOptions,
  type SanityRow,
} from './viz/metrics/sanity.ts';
export { ChangingWeights } from './viz/attribution/changingWeights.ts';
export * as objectives from './viz/features/objectives.ts';
export { deepdream, Objective } from './viz/features/objectives.ts';
export { ObjectiveError, parseObjective } from './viz/features/parse.ts';
export { type TransformPreset, transformPresets } from './viz/features/transforms.ts';
export {
  checkVisualization,
  defaultSize,
  type Frame,
  type RenderOptions,
  renderVis,
  Visualization,
  type VisualizationOptions,
} from './viz/features/visualization.ts';
export {
  checkTask,
  compileTask,
  computationsOf,
  type TaskName,
  taskNames,
  type TaskOptions,
  type TaskProgram,
} from './viz/tasks.ts';
export { impute } from './viz/metrics/imputation.ts';
export { type Explained, type Measured, type Metric, type ValueKind, valueKinds } from './viz/metrics/metric.ts';
export { findMetric, type MetricName, metrics, randomAttribution, valueKindOf } from './viz/metrics/metrics.ts';
export { PictureScorer } from './viz/metrics/pictureScorer.ts';
export { pixelMap, rankPixels } from './viz/metrics/ranking.ts';
export {
  type AttributionMap,
  attributionMap,
  drawAttribution,
  type DrawOptions,
  type View,
  views,
} from './viz/render/attributionMap.ts';
export { memoryPlot } from './viz/render/memoryPlot.ts';
export { rooflinePlot } from './viz/render/rooflinePlot.ts';
export {
  CLIP_PERCENTILE,
  colorize,
  type Colormap,
  type ColorName,
  colorNames,
  overlay,
  overlayMap,
  resizeBilinear,
  sideBySide,
  sumChannels,
  toPixels,
} from './viz/render/maps.ts';
