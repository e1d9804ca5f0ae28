"""What guidance and the number of steps do to generated motion, and how long a motion takes.

    python benchmarks/generation.py RUN            # of `finegym generate train`

Simulated motion. CPU seconds of one thread; two motions of every seen element and eight of every unseen one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from finegym.applications.generation import measures
from finegym.applications.generation.attribute_vector import encode_elements
from finegym.applications.generation.coding import encode, keep_bones
from finegym.applications.generation.motions import Motions
from finegym.applications.generation.recogniser import recognise
from finegym.applications.generation.run_folder import read_generator, read_judge
from finegym.applications.generation.sampling import draw_motions

SETTINGS = ((12, 1.0), (12, 1.5), (12, 2.5), (4, 1.5), (24, 1.5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    path = parser.parse_args().run
    torch.set_num_threads(1)
    generator = read_generator(path)
    judge, codebook = read_judge(path, generator), generator.codebook
    vectors = encode_elements(generator.space, codebook)
    is_unseen = np.array([element.id in generator.held_out for element in codebook.elements])
    wanted = np.concatenate([np.flatnonzero(~is_unseen).repeat(2), np.flatnonzero(is_unseen).repeat(8)])
    print("steps  guidance  seen %  unseen %  diversity within  ms a motion")
    for steps, guidance in SETTINGS:
        begin = time.process_time()
        motions = draw_motions(generator, vectors[wanted], wanted, 0, steps=steps, guidance=guidance)
        cost_ms = 1000 * (time.process_time() - begin) / len(wanted)
        kept = Motions(keep_bones(motions.joints), motions.duration_s, motions.element_index)
        features, logits = recognise(judge, encode(kept, generator.scaling))
        hit = logits.argmax(axis=1) == wanted
        seen, unseen = (100 * hit[is_unseen[wanted] == side].mean() for side in (False, True))
        within = measures.compute_multimodality(features, wanted)
        print(f"{steps:5}  {guidance:8g}  {seen:6.1f}  {unseen:8.1f}  {within:16.2f}  {cost_ms:11.1f}", flush=True)


if __name__ == "__main__":
    main()
