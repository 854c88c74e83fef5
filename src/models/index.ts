// index.ts: the door of this layer: opening networks, preparing pictures, naming classes.

export { type LayerBlock, layerBlocks } from './blocks.ts';
export { type MemoryOptions, memoryReport, type MemoryReport, type RunMemory } from './memory.ts';
export { ModelError, type NodeProblem, UnknownPartError, UnsupportedModelError } from './error.ts';
export {
  type CacheEntry,
  cacheKey,
  type Download,
  type DownloadOptions,
  downloadModel,
  type ModelCache,
  sha256Of,
} from './download.ts';
export { DownloadError, type DownloadFailure, isWebAddress, LARGEST_FILE, shownAddress } from './http.ts';
export { cifar10Labels, findLabel, labelFileNames, parseLabels, shortLabel } from './labels.ts';
export { type LayerInfo, Model, type ModelOptions, parseModel, type Trace, type TraceOptions } from './model.ts';
export { supportedOps } from './onnx/convert.ts';
export { type ExportOptions, exportComputation } from './onnx/exportGraph.ts';
export { exportModel, type ModelExportOptions } from './onnx/exportModel.ts';
export type { ExternalReader } from './onnx/external.ts';
export type { ModelInput } from './onnx/input.ts';
export { fromFileLayout, type Layout, toFileLayout } from './onnx/layout.ts';
export { PREPROCESS_KEY } from './guess.ts';
export {
  type ChannelOrder,
  checkPreprocess,
  findPreset,
  type Pixels,
  type Preprocess,
  pixelsToRgb,
  preprocessGraph,
  preprocessPixels,
  preprocessRgb,
  presets,
  takesPictures,
  unpreprocess,
} from './preprocess.ts';
export { type Extent, layerFields, type ReceptiveField, receptiveFields } from './receptiveField.ts';
export { inputSize, resample } from './resample.ts';
export {
  findShipped,
  parseRegistry,
  publicModels,
  type ShippedModel,
  shippedModels,
  unknownModel,
  type WebModel,
  webModels,
} from './registry/index.ts';
export { checkForward, type Forward, largestOf, Runner, softmaxOf } from './run.ts';
export {
  patternInput,
  SELF_TEST_KEY,
  type SelfTest,
  type SelfTestResult,
  selfTest,
  storedSelfTest,
  withSelfTest,
  zooSelfTest,
} from './selfTest.ts';
