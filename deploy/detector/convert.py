"""Makes an ONNX model of a TensorFlow graph, and accepts it by what it says.

    convert.py GRAPH.pb MODEL.onnx [FRAMES.rgb]

FRAMES.rgb holds five pictures of 768x576 pixels, 3 bytes each; without it five are drawn. The model is accepted when its
scores and boxes differ by less than 1e-3 from those of the graph on all five. Runs in an environment that is thrown away.
"""

import os
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import tensorflow as tf  # noqa: E402

OUTPUTS = ["num_detections:0", "detection_boxes:0", "detection_scores:0", "detection_classes:0"]
WIDTH, HEIGHT, COUNT = 768, 576, 5


def drawn():
    """Five pictures of shapes and grain, the same every time."""
    random = np.random.default_rng(1)
    for turn in range(COUNT):
        picture = np.linspace(40, 200, HEIGHT)[:, None, None] * np.ones((HEIGHT, WIDTH, 3))
        for _ in range(12):
            x, y = random.integers(0, WIDTH - 60), random.integers(0, HEIGHT - 150)
            picture[y : y + 150, x : x + 60] = random.integers(0, 255, 3)
        yield (picture + random.normal(0, 4 + turn, picture.shape)).clip(0, 255).astype(np.uint8)


def main():
    graph_file, model_file = sys.argv[1:3]
    convert = [sys.executable, "-m", "tf2onnx.convert", "--graphdef", graph_file, "--output", model_file, "--opset", "13"]
    subprocess.run(convert + ["--inputs", "image_tensor:0", "--outputs", ",".join(OUTPUTS)], check=True)
    if len(sys.argv) > 3:
        frames = np.fromfile(sys.argv[3], np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    else:
        frames = np.stack(list(drawn()))
    assert len(frames) == COUNT, f"{len(frames)} pictures instead of {COUNT}"
    definition = tf.compat.v1.GraphDef()
    with open(graph_file, "rb") as file:
        definition.ParseFromString(file.read())
    session = onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])
    with tf.Graph().as_default():
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session() as reference:
            for number, frame in enumerate(frames):
                feed = {"image_tensor:0": frame[None]}
                wanted = dict(zip(OUTPUTS, reference.run(OUTPUTS, feed)))
                found = dict(zip(OUTPUTS, session.run(OUTPUTS, feed)))
                scores = wanted["detection_scores:0"][0]
                apart = np.abs(found["detection_scores:0"][0] - scores).max()
                # Boxes of equal, negligible score may come in another order.
                said = scores >= 0.05
                for name in ("detection_boxes:0", "detection_classes:0"):
                    both = found[name][0][said] - wanted[name][0][said]
                    apart = max(apart, np.abs(both).max(initial=0))
                print(f"picture {number}: {said.sum()} boxes, {(scores >= 0.4).sum()} sure, {apart:.1e} apart")
                if apart >= 1e-3:
                    sys.exit(f"the model says something else than the graph on picture {number}: {apart}")


main()
