// formats.ts: what a file that is no ONNX model is, as far as its first bytes tell, and what to do about it.

/** So many bytes are looked at. */
const HEAD = 4096;

interface Format {
  readonly test: (head: string) => boolean;
  /** Continues `model "x" …`. */
  readonly says: string;
}

const starts =
  (...magics: string[]) =>
  (head: string): boolean =>
    magics.some((magic) => head.startsWith(magic));

const DOWNLOAD = 'Download the file of the model itself.';
const PICTURE = 'is a picture, not a network. Name the ONNX file as the model, and pictures as --input.';

/** By bytes that no ONNX file begins with. */
const foreign: readonly Format[] = [
  {
    test: starts('version https://git-lfs'),
    says: 'is a Git LFS pointer, not the network itself. Fetch it with `git lfs pull`, or download the file itself.',
  },
  {
    test: (head) => /^\s*(<!doctype html|<html|<head|<body|<!--)/i.test(head.slice(0, 1000)),
    says: `is a web page (HTML), not a network; a server sent it in its place. ${DOWNLOAD}`,
  },
  {
    test: (head) => head.startsWith('PK\x03\x04') && head.includes('data.pkl'),
    says: 'is a PyTorch checkpoint, not ONNX. Load it in PyTorch and export it with torch.onnx.export.',
  },
  {
    test: (head) =>
      head.startsWith('PK\x03\x04') && (head.includes('config.json') || head.includes('model.weights.h5')),
    says: 'is a Keras archive, not ONNX. Convert it with tf2onnx.',
  },
  {
    test: starts('PK\x03\x04', 'PK\x05\x06'),
    says: 'is a zip archive (PyTorch and Keras save those), not ONNX. Unpack it, or export the network to ONNX.',
  },
  {
    test: starts('\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'),
    says: 'is a Python pickle (older PyTorch saves those), not ONNX. Load it in PyTorch and export it with torch.onnx.export.',
  },
  { test: starts('\x89HDF'), says: 'is an HDF5 file (Keras saves those), not ONNX. Convert it with tf2onnx.' },
  {
    test: (head) => head.slice(4, 8) === 'TFL3',
    says: 'is a TensorFlow Lite model, not ONNX. Convert it with `python -m tf2onnx.convert --tflite`.',
  },
  {
    test: (head) => head.slice(4, 8) === 'ORTM',
    says: 'is in the ORT format, not ONNX. Give the ONNX file that it was made from.',
  },
  {
    test: (head) => /^[\s\S]{8}\{\s*"/.test(head) && /"(dtype|__metadata__)"/.test(head),
    says: 'is a safetensors file: weights without a network. Load them in PyTorch and export it with torch.onnx.export.',
  },
  {
    test: starts('GGUF', 'ggjt'),
    says: 'is a file of a language model (GGUF), not a network for pictures. Give an ONNX file.',
  },
  { test: starts('\x1f\x8b'), says: 'is compressed with gzip. Unpack it with gunzip, and a .tar in it with tar.' },
  { test: starts('BZh'), says: 'is compressed with bzip2. Unpack it with bunzip2.' },
  { test: starts('\xfd7zXZ'), says: 'is compressed with xz. Unpack it with unxz.' },
  { test: starts('\x28\xb5\x2f\xfd'), says: 'is compressed with Zstandard. Unpack it with unzstd.' },
  { test: starts("7z\xbc\xaf'\x1c"), says: 'is a 7z archive. Unpack it.' },
  {
    test: (head) => head.slice(257, 262) === 'ustar',
    says: 'is a tar archive. Unpack it, and name the ONNX file in it.',
  },
  {
    test: starts('\x93NUMPY'),
    says: 'is a NumPy array, not a network. Name the ONNX file as the model, and arrays as --input.',
  },
  { test: starts('\x89PNG', '\xff\xd8\xff', 'GIF8'), says: PICTURE },
  { test: (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP', says: PICTURE },
];

/** By signs that an ONNX file might hold too: asked only of what does not decode. */
const likely: readonly Format[] = [
  {
    // GraphDef: nodes from the first byte on. SavedModel: its version 1, then a MetaGraphDef.
    test: (head) =>
      (head.startsWith('\x08\x01\x12') && /serve|saved_model|MergeV2|NoOp|VarHandleOp/.test(head)) ||
      (head.startsWith('\n') && ['Placeholder', '\x12\x05Const'].some((op) => head.includes(op))),
    says: 'is a TensorFlow graph, not ONNX. Convert it with tf2onnx.',
  },
  {
    test: (head) => /^\s*[{[]/.test(head) && /^[\s\x20-\x7e]+$/.test(head),
    says: `is JSON, not a network. ${DOWNLOAD}`,
  },
  { test: (head) => /^[\t\r\n\x20-\x7e]+$/.test(head), says: `is a text, not an ONNX model. ${DOWNLOAD}` },
];

const find = (formats: readonly Format[], bytes: Uint8Array): string | undefined => {
  // One character a byte; a TextDecoder of "latin1" reads bytes from 0x80 on as Windows-1252.
  const head = String.fromCharCode(...bytes.subarray(0, HEAD));
  return formats.find(({ test }) => test(head))?.says;
};

/** What a file surely is in place of ONNX. */
export const foreignFormat = (bytes: Uint8Array): string | undefined =>
  bytes.length === 0 ? 'is empty. Download or export it again.' : find(foreign, bytes);

/** What a file that does not decode probably is. */
export const likelyFormat = (bytes: Uint8Array): string | undefined => find(likely, bytes);
