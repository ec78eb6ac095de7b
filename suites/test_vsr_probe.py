"""VSR probe: can a linear probe tell from caption and photo whether what the caption says is so?

Liu, Emerson & Collier (2023), arXiv 2205.00363. Trained on the split's training rows, tested on its test rows: on the
vectors of caption and photo and their products by dimension, for a sum of two vectors cannot say whether they agree. In
the random split most test rows show a photo of the training rows or repeat one of their captions: the slice
`unseen=picture and caption` has the others, and the zero-shot split has no caption in common. A caption was asked of
true and of false photos, so that a list of the training captions is mostly right about those it knows when it says the
opposite: `lookup_accuracy` is 71.7 % in the random split, without any photo. Photos are the groups. Chance 1/2; the
floor is the more frequent truth. The same model's text vectors alone stand in `vsr-probe-text`.
"""

import pytest

from harness import truth_probe, vsr

SIDES = ("EmbedsTexts", "EmbedsImages")


@pytest.mark.suite("vsr-probe", needs=SIDES)
def test_truth(model, embed_rows, record):
    train, test = (embed_rows(model, vsr("random", part), fusion="product") for part in ("train", "test"))
    record(truth_probe(train, test))


@pytest.mark.suite("vsr-probe-zeroshot", needs=SIDES)
def test_truth_of_unseen_things(model, embed_rows, record):
    train, test = (embed_rows(model, vsr("zeroshot", part), fusion="product") for part in ("train", "test"))
    record(truth_probe(train, test))


@pytest.mark.suite("vsr-probe-text", needs="EmbedsTexts")
def test_truth_without_the_photo(model, embed_rows, record):
    train, test = (embed_rows(model, vsr("random", part), side="text") for part in ("train", "test"))
    record(truth_probe(train, test))


@pytest.mark.suite("vsr-probe-text-zeroshot", needs="EmbedsTexts")
def test_truth_of_unseen_things_without_the_photo(model, embed_rows, record):
    train, test = (embed_rows(model, vsr("zeroshot", part), side="text") for part in ("train", "test"))
    record(truth_probe(train, test))
