"""Running a ``.tflite`` file on LiteRT: opened late, once in each process, and named in every error."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from finegym.errors import ConfigError, FeatureError

# Interpreters that a fork has copied: their threads are not in this process, so that freeing one would wait for ever.
_left_by_parents: list[Any] = []


class LiteRtModel:
    """A ``.tflite`` file with one input.

    Picklable: another process opens the file itself. A forked process does too, since the threads of the interpreter do
    not live on in it.

    Args:
        path: the file.
        input_shape: what its input must be; another model is refused by name rather than run into nonsense.
        output_shapes: of the outputs that are read; each must be there once.
        threads: of the interpreter.
    """

    def __init__(
        self,
        path: Path,
        input_shape: tuple[int, ...],
        output_shapes: tuple[tuple[int, ...], ...],
        threads: int = 1,
    ) -> None:
        self.path = Path(path)
        self.input_shape = input_shape
        self.output_shapes = output_shapes
        self.threads = threads
        self._opened: tuple[int, Any, list[int]] | None = None  # process, interpreter, indices of the outputs

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def run(self, image: np.ndarray) -> list[np.ndarray]:
        """The outputs, in the order of ``output_shapes``, for float32 input; copies.

        Raises:
            FeatureError: the file is missing, damaged, or another model.
            ConfigError: LiteRT is not installed.
        """
        if self._opened is None or self._opened[0] != os.getpid():
            if self._opened is not None:
                _left_by_parents.append(self._opened)
            self._opened = os.getpid(), *self._open()
        _, interpreter, outputs = self._opened
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    def _open(self) -> tuple[Any, list[int]]:
        interpreter = self._load()
        inputs = [tuple(detail["shape"].tolist()) for detail in interpreter.get_input_details()]
        outputs = {tuple(d["shape"].tolist()): int(d["index"]) for d in interpreter.get_output_details()}
        if inputs != [self.input_shape] or not set(self.output_shapes) <= set(outputs):
            raise FeatureError(
                f"{self.path}: expected a model from {self.input_shape} to {list(self.output_shapes)}, "
                f"got one from {inputs} to {list(outputs)}. Is it another model's file?"
            )
        return interpreter, [outputs[shape] for shape in self.output_shapes]

    def _load(self) -> Any:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ConfigError(
                f"{self.path.name} runs on LiteRT, which is not installed: pip install ai-edge-litert "
                "(there is none for Macs with Intel processors; any ONNX pose model works there)"
            ) from error
        if not self.path.is_file():
            raise FeatureError(f"{self.path}: no such file. `finegym weights list` shows what is there.")
        try:
            with _without_chatter():
                interpreter = Interpreter(model_path=str(self.path), num_threads=self.threads)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise FeatureError(f"{self.path}: LiteRT cannot read it ({error}). Fetch it again.") from error
        return interpreter


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave out LiteRT's line about its own workings, which no setting silences; anything else is passed on."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not line.startswith(b"INFO: Created TensorFlow Lite XNNPACK delegate"):
                    os.write(2, line)
