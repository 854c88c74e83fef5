// public.ts: well-known networks of the ONNX Model Zoo, by the names that commands take. Nothing of them is shipped.
//
// Sizes and hashes are those that the zoo itself records: in the Git LFS pointers of its repository, for googlenet in
// its ONNX_HUB_MANIFEST.json (where others were compared, both agree). Preprocessing, licences and accuracies are those that its
// READMEs state; networks whose READMEs leave the preprocessing out are not listed. The zoo has moved to Hugging Face and
// its repository is kept as it was, so there are two addresses; the hash decides whether what comes is the right file.

import { type Preprocess, presets } from '../preprocess.ts';
import type { WebModel } from './types.ts';

const MIRROR = 'https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main';
const ZOO = 'https://media.githubusercontent.com/media/onnx/models/4c46cd00fbdb7cd30b6c1c17ab54f2e1f4f7b177';
const READMES = 'https://github.com/onnx/models/blob/main';
const FOLDER = 'validated/vision/classification';

const INPUT = [3, 224, 224] as const;
/** Of ImageNet, in the order of ILSVRC 2012. */
const CLASSES = 1000;

type Facts = Omit<WebModel, 'urls' | 'input' | 'classes' | 'source'>;

/** `folder/model/name.onnx` of the zoo's image classifiers, all of them for 224 x 224 pixels and ImageNet's classes. */
const classifier = (folder: string, name: string, facts: Facts): WebModel => ({
  ...facts,
  urls: [MIRROR, ZOO].map((root) => `${root}/${FOLDER}/${folder}/model/${name}.onnx`),
  input: INPUT,
  classes: CLASSES,
  source: `${READMES}/${FOLDER}/${folder}/README.md`,
});

const torchvision: Preprocess = { ...presets.imagenet, source: 'registry' };

export const publicModels: readonly WebModel[] = [
  classifier('squeezenet', 'squeezenet1.1-7', {
    id: 'squeezenet1.1',
    description: 'SqueezeNet 1.1 on ImageNet: small, of squeezing and expanding convolutions',
    accuracy: '56.3 % of ImageNet',
    preprocess: torchvision,
    licence: 'Apache-2.0',
    bytes: 4_956_208,
    sha256: '1eeff551a67ae8d565ca33b572fc4b66e3ef357b0eb2863bb9ff47a918cc4088',
  }),
  classifier('shufflenet', 'shufflenet-v2-12', {
    id: 'shufflenet-v2',
    description: 'ShuffleNet v2 on ImageNet: grouped convolutions between shuffles of the channels',
    preprocess: torchvision,
    licence: 'BSD-3-Clause',
    bytes: 9_218_556,
    sha256: 'ea69821b4dd374ae2f33f9710dd1229ac263d0ee5b5a46ca3521f6483e1ba035',
  }),
  classifier('mobilenet', 'mobilenetv2-7', {
    id: 'mobilenet-v2',
    description: 'MobileNet v2 on ImageNet: inverted residuals of depthwise convolutions',
    accuracy: '70.9 % of ImageNet',
    preprocess: torchvision,
    licence: 'Apache-2.0',
    bytes: 14_246_826,
    sha256: 'c1c513582d56afceff8516c73804e484c81c6a830712ab6d682253f4a3cd042f',
  }),
  classifier('inception_and_googlenet/googlenet', 'googlenet-12', {
    id: 'googlenet',
    description: 'GoogLeNet (Inception v1, BVLC) on ImageNet: the network of DeepDream',
    accuracy: '67.8 % of ImageNet',
    preprocess: { order: 'BGR', range: [0, 255], mean: [103.939, 116.779, 123.68], std: [1], source: 'registry' },
    licence: 'BSD-3-Clause',
    bytes: 28_021_836,
    sha256: 'c99c507058eaf41de8723408fdda7db8325cb57f0a89f2ee07a716d6e963e14e',
  }),
  classifier('resnet', 'resnet18-v1-7', {
    id: 'resnet18',
    description: 'ResNet-18 (v1) on ImageNet',
    accuracy: '69.9 % of ImageNet',
    preprocess: torchvision,
    licence: 'Apache-2.0',
    bytes: 46_820_737,
    sha256: '4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c',
  }),
  classifier('efficientnet-lite4', 'efficientnet-lite4-11', {
    id: 'efficientnet-lite4',
    description: 'EfficientNet-Lite4 on ImageNet, from TensorFlow',
    accuracy: '80.4 % of ImageNet',
    preprocess: { order: 'RGB', range: [0, 255], mean: [127], std: [128], source: 'registry' },
    licence: 'MIT',
    bytes: 51_946_641,
    sha256: 'd111689907c06eea7c82e4833ddef758da6453b9d4cf60b7e99ca05c7cbd9c12',
  }),
  classifier('resnet', 'resnet50-v1-12', {
    id: 'resnet50',
    description: 'ResNet-50 (v1) on ImageNet',
    accuracy: '75.0 % of ImageNet',
    preprocess: torchvision,
    licence: 'Apache-2.0',
    bytes: 102_576_419,
    sha256: 'ab65bdc02c5b3123eb3cdf6dac01742438517d8635d4f233913b2be1c70db3b6',
  }),
  classifier('vgg', 'vgg16-7', {
    id: 'vgg16',
    description: 'VGG-16 on ImageNet: large, of plain 3x3 convolutions',
    accuracy: '72.6 % of ImageNet',
    preprocess: torchvision,
    licence: 'Apache-2.0',
    bytes: 553_437_328,
    sha256: 'f20805a3ecccaa88647bbab4ad011ff2412a9838485ea844de0fcbce349820b9',
  }),
];
