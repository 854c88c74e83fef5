"""Checks ONNX files with the checker of ONNX and its strict shape inference: one line a file, `ok` or what is wrong."""
import sys

try:
    import onnx
except ImportError:
    sys.exit(3)

for path in sys.argv[1:]:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        print("ok")
    except Exception as error:
        print(" ".join(str(error).split()))
