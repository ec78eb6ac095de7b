"""Features in files of each format, as the documentation has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file


def write(path: Path, form: str, **arrays) -> Path:
    """Arrays in a file (or files) of one format, as the documentation has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {name: arrays[name] for name in ("ids", "captions") if name in arrays}
    if form == "npz":
        np.savez(path.with_suffix(".npz"), **arrays)
    elif form == "npy":
        for name, values in arrays.items():
            np.save(path.with_name(f"{path.name}.{name}.npy"), np.asarray(values))
    elif form == "safetensors":
        numbers = {name: np.asarray(values) for name, values in arrays.items() if name not in told}
        metadata = {name: json.dumps(values) for name, values in told.items()}
        save_file(numbers, path.with_suffix(".safetensors"), metadata=metadata)
    else:
        columns = {name: list(map(list, values)) if name != "ids" else list(values) for name, values in arrays.items()}
        pq.write_table(pa.table(columns), path.with_suffix(".parquet"))
    return path.parent
