"""What guidance and the number of steps do to generated motion, and how long a motion takes.

    python benchmarks/generation.py RUN            # of `finegym generate train`

Simulated motion. CPU seconds of one thread; one motion of every seen element and four of every unseen one. Recognised
are motions as generated, but for bones, which have one length each, and the same motions cleaned up.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from finegym.applications.generation import measures
from finegym.applications.generation.attribute_vector import encode_elements
from finegym.applications.generation.cleanup import clean_up
from finegym.applications.generation.coding import encode_body, keep_bones
from finegym.applications.generation.recogniser import recognise
from finegym.applications.generation.run_folder import read_generator, read_judge
from finegym.applications.generation.sampling import draw_motions

SETTINGS = ((16, 1.0), (16, 1.5), (8, 1.0), (4, 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    path = parser.parse_args().run
    torch.set_num_threads(1)
    generator = read_generator(path)
    judge, codebook = read_judge(path, generator), generator.codebook
    vectors = encode_elements(generator.space, codebook)
    is_unseen = np.array([element.id in generator.held_out for element in codebook.elements])
    wanted = np.concatenate([np.flatnonzero(~is_unseen), np.flatnonzero(is_unseen).repeat(4)])
    events = [codebook.get_event_of_element(codebook.elements[k].id).id for k in wanted]
    print("steps  guidance  motion      seen %  unseen %  diversity within  moved cm  ms a motion")
    for steps, guidance in SETTINGS:
        begin = time.process_time()
        drawn = draw_motions(generator, vectors[wanted], wanted, 0, steps=steps, guidance=guidance)
        drawn_s = time.process_time() - begin
        cleaned, moved = clean_up(drawn, events)
        cleaned_s = time.process_time() - begin - drawn_s
        kept = replace(drawn, joints=keep_bones(drawn.joints))
        for name, motions, moved_m, cost_s in (
            ("generated", kept, 0.0, drawn_s),
            ("cleaned up", cleaned, moved.mean(), cleaned_s),
        ):
            features, logits = recognise(judge, encode_body(motions, generator.scaling))
            hit = logits.argmax(axis=1) == wanted
            seen, unseen = (100 * hit[is_unseen[wanted] == side].mean() for side in (False, True))
            within = measures.compute_multimodality(features, wanted)
            print(
                f"{steps:5}  {guidance:8g}  {name:10}  {seen:6.1f}  {unseen:8.1f}  {within:16.2f}  "
                f"{100 * moved_m:8.2f}  {1000 * cost_s / len(wanted):11.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
