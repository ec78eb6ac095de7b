"""What needs a real GPU: skipped where there is none."""

import numpy as np
import pytest

from harness import devices, encode
from harness.models import ModelSpec
from harness.store import Store

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")

SPEC = ModelSpec(name="clip", family="dual", source=".")


class Hungry:
    """A model that needs real GPU memory for each text: two do not fit where one does."""

    def embed_texts(self, texts):
        free, _ = torch.cuda.mem_get_info()
        torch.empty(len(texts) * int(free * 0.6), dtype=torch.uint8, device="cuda")
        return np.array([[len(text), 1] for text in texts], np.float32)


@pytest.fixture
def clip(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config=small, vision_config={**small, "image_size": 32, "patch_size": 8}, projection_dim=32
    )
    return CLIPModel(config).eval()


def test_a_lease_is_a_gpu_that_torch_can_use(tmp_path):
    held = devices.lease(tmp_path)
    try:
        devices.prepare(held, 1)
        assert held.name.startswith("cuda")
        assert torch.ones(2, device=held.name).sum().item() == 2
    finally:
        held.release()


def test_vectors_on_the_gpu_are_those_of_the_cpu(clip):
    from transformers import CLIPImageProcessor

    from harness import scene_rows
    from harness.families.dual import ImageTower

    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    images = [row.image.open() for row in scene_rows()[:8]]
    vectors = []
    for device in ("cpu", "cuda:0"):
        tower = ImageTower(clip.to(device), None, processor, SPEC)
        vectors.append(tower.embed_images(tower.prepare_images(images)))
    assert vectors[1] == pytest.approx(vectors[0], abs=1e-4)


def test_a_batch_that_does_not_fit_is_halved_until_it_does(tmp_path):
    model = encode.Model(SPEC, Store(tmp_path))
    model.__dict__.update(loaded=Hungry(), fingerprint="hungry")
    vectors = encode.embed_texts(model, ["a", "bb", "ccc", "dddd"])
    assert vectors[:, 0].tolist() == [1, 2, 3, 4]
    assert model.stats["batches_halved"] == 3
