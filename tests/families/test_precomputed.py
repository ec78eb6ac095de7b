"""Features made elsewhere: four formats say the same, rows are found by id, and what is wrong is said."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feature_files import write

from harness import caption_choice, grouped_probe, reference_rows, scene_choices, scene_rows, vsr, vsr_choices
from harness.embed import embed_rows, score_captions
from harness.encode import Model
from harness.errors import ConfigError, DataError, DataUnavailable, ModelError, ModelUnavailable, ScoreError
from harness.models import ModelSpec
from harness.rows import NO_CAPTION
from harness.store import Store

CHOICES = scene_choices("spatial", split="test")[:40]
MIXED = CHOICES[:6] + scene_choices("spatial", "test", "opposite")[40:46]  # of four captions and of two
ROWS = scene_rows("spatial", split="test")[:30]
FORMATS = ("npz", "npy", "safetensors", "parquet")
ALL = ["texts", "images", "scores"]


def vectors_of(rows, width=8, seed=0) -> np.ndarray:
    return np.random.default_rng([seed, len(rows)]).standard_normal((len(rows), width)).astype(np.float32) * 3


def asked(rows, score: Callable[..., float]) -> dict:
    """Ids, captions and scores of rows, lines padded to the longest."""
    widest = max(len(row.captions) for row in rows)
    captions = [[*row.captions, *[""] * (widest - len(row.captions))] for row in rows]
    scores = np.full((len(rows), widest), NO_CAPTION, np.float32)
    for row, line in zip(rows, scores, strict=True):
        line[: len(row.captions)] = [score(row, k) for k in range(len(row.captions))]
    return {"ids": [row.id for row in rows], "captions": captions, "scores": scores}


def by_length(row, k) -> float:
    return len(row.captions[k]) + k / 10


def oracle(row, k) -> float:
    return float(k == row.gold)


@pytest.fixture
def held(load, tmp_path):
    """A Model of what a folder, by default `features`, holds."""
    return lambda holds, source=tmp_path / "features", **options: load(
        "precomputed", source, options={"holds": holds, **options}
    )


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_scores_in_the_rows_own_order_of_captions(held, tmp_path, form):
    write(tmp_path / "features" / "scenes", form, **asked(CHOICES, by_length))
    scores = score_captions(held(["scores"]), CHOICES)
    expected = np.array([[by_length(row, k) for k in range(4)] for row in CHOICES], np.float32)
    np.testing.assert_array_equal(scores.values, expected)
    assert (scores.values.dtype, scores.rows) == (np.float32, tuple(CHOICES))
    assert scores.groups == tuple(row.group for row in CHOICES)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_format_gives_the_same_unit_vectors(held, tmp_path, form, dtype):
    texts, images = vectors_of(ROWS).astype(dtype), vectors_of(ROWS, 5, seed=1).astype(dtype)
    write(tmp_path / "features" / "scenes", form, ids=[row.id for row in ROWS], texts=texts, images=images)
    model = held(["texts", "images"])
    for side, given in (("text", texts), ("image", images)):
        values, given = embed_rows(model, ROWS, side).values, given.astype(np.float64)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, given / np.linalg.norm(given, axis=1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("form", FORMATS)
def test_rows_may_have_different_numbers_of_captions(held, tmp_path, form):
    write(tmp_path / "features" / "scenes", form, **asked(MIXED, by_length))
    values = score_captions(held(["scores"]), MIXED).values
    assert values.shape == (12, 4)
    for row, line in zip(MIXED, values, strict=True):
        width = len(row.captions)
        np.testing.assert_array_equal(line[:width], np.float32([by_length(row, k) for k in range(width)]))
        assert (line[width:] == NO_CAPTION).all()


def test_columns_of_parquet_may_be_ragged_and_of_fixed_size(held, tmp_path):
    told = asked(MIXED, by_length)
    ragged = {name: [list(line[: len(row.captions)]) for row, line in zip(MIXED, told[name], strict=True)]
              for name in ("captions", "scores")}  # fmt: skip
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(vectors_of(MIXED).ravel()), 8)
    (tmp_path / "features").mkdir()
    pq.write_table(pa.table({"ids": told["ids"], **ragged, "texts": fixed}), tmp_path / "features" / "a.parquet")
    model = held(["texts", "scores"])
    padded = [[*line, *[NO_CAPTION] * (4 - len(line))] for line in ragged["scores"]]
    np.testing.assert_array_equal(score_captions(model, MIXED).values, np.float32(padded))
    assert model.loaded.tables["texts"].values.shape == (12, 8)


def test_a_folder_may_hold_all_formats_in_folders_of_their_own_beside_notes(held, tmp_path):
    for i, form in enumerate(FORMATS):
        write(tmp_path / "features" / form / "part", form, **asked(CHOICES[10 * i : 10 * i + 10], by_length))
    (tmp_path / "features" / "README.md").write_text("how they were made")
    (tmp_path / "features" / ".checkpoints").mkdir()
    (tmp_path / "features" / ".checkpoints" / "old.pt").write_bytes(b"x")
    assert score_captions(held(["scores"]), CHOICES).values.shape == (40, 4)


@pytest.mark.parametrize("form", ["npz", "safetensors", "parquet"])
def test_a_source_may_be_one_file(held, tmp_path, form):
    write(tmp_path / "one", form, **asked(CHOICES, by_length))
    assert score_captions(held(["scores"], tmp_path / f"one.{form}"), CHOICES).values.shape == (40, 4)


# --- known answers ------------------------------------------------------------------------------


def shuffled(told: dict, seed: int = 7) -> dict:
    """The same file with rows, and the captions of each, in another order."""
    draw = random.Random(seed)
    lines = [*zip(told["ids"], told["captions"], told["scores"].tolist(), strict=True)]
    draw.shuffle(lines)
    turned = [draw.sample(range(len(line[1])), len(line[1])) for line in lines]
    return {
        "ids": [line[0] for line in lines],
        "captions": [[line[1][k] for k in order] for line, order in zip(lines, turned, strict=True)],
        "scores": np.array([[line[2][k] for k in order] for line, order in zip(lines, turned, strict=True)]),
    }


@pytest.fixture(params=["scenes", "layouts", "vsr"])
def suite(request):
    """The rows of real suites."""
    if request.param == "vsr":
        try:
            return vsr_choices("random", "test", "negation")
        except DataUnavailable as error:
            pytest.skip(str(error))
    presets = ["spatial"] if request.param == "scenes" else ["place", "topology", "distance", "between"]
    return [row for preset in presets for row in scene_choices(preset, split="test")]


def whole(model, rows):
    found = caption_choice(score_captions(model, rows))
    return next(r for r in found.results if (r.metric, r.slice) == ("accuracy", "all"))


def test_an_oracles_file_gets_everything_right_and_a_constant_one_chance(held, tmp_path, suite):
    write(tmp_path / "oracle" / "a", "npz", **asked(suite, oracle))
    write(tmp_path / "constant" / "a", "npz", **asked(suite, lambda row, k: 0.5))
    assert whole(held(["scores"], tmp_path / "oracle"), suite).value == 1
    constant = whole(held(["scores"], tmp_path / "constant"), suite)
    assert constant.value == pytest.approx(np.mean([1 / len(row.captions) for row in suite]))
    assert constant.value == pytest.approx(constant.chance)


def test_a_file_of_random_scores_is_at_chance(held, tmp_path, suite):
    draw = np.random.default_rng(3)
    write(tmp_path / "features" / "a", "npz", **asked(suite, lambda row, k: draw.standard_normal()))
    found = whole(held(["scores"]), suite)
    assert found.low <= found.chance <= found.high


def test_no_order_changes_a_result(held, tmp_path, suite):
    told = asked(suite, by_length)
    write(tmp_path / "own" / "a", "npz", **told)
    write(tmp_path / "shuffled" / "a", "npz", **shuffled(told))
    own = caption_choice(score_captions(held(["scores"], tmp_path / "own"), suite))
    other = random.Random(7).sample(suite, len(suite))
    assert caption_choice(score_captions(held(["scores"], tmp_path / "shuffled"), other)) == own
    assert 0 < own.results[0].value < 1


def test_a_probe_reads_a_label_off_vectors_and_shuffling_rows_changes_nothing(held, tmp_path):
    rows = scene_rows("spatial", split="test")
    labels = sorted({row.label for row in rows})
    known = vectors_of(rows) / 10 + np.eye(8)[[labels.index(row.label) for row in rows]]
    write(tmp_path / "features" / "a", "npz", ids=[row.id for row in rows], texts=known)
    found = grouped_probe(embed_rows(held(["texts"]), rows))
    assert found.results[0].value > 0.9
    turned = random.Random(7).sample(rows, len(rows))
    assert grouped_probe(embed_rows(held(["texts"]), turned)) == found


def test_vectors_of_real_rows_are_found_by_id(held, tmp_path):
    try:
        rows = vsr("zeroshot", "dev")
    except DataUnavailable as error:
        pytest.skip(str(error))
    vectors, order = vectors_of(rows), np.random.default_rng(1).permutation(len(rows))
    write(tmp_path / "features" / "a", "safetensors", ids=[rows[i].id for i in order], images=vectors[order])
    found = embed_rows(held(["images"]), rows)  # no photo is opened: none need be here
    np.testing.assert_allclose(found.values, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), atol=1e-6)
    assert found.groups == tuple(row.image.name for row in rows)


@pytest.mark.parametrize("how", ["concat", "average"])
def test_two_sides_are_fused_as_the_entry_says(held, tmp_path, how):
    texts, images = vectors_of(ROWS), vectors_of(ROWS, seed=1)
    write(tmp_path / "features" / "a", "npz", ids=[row.id for row in ROWS], texts=texts, images=images)
    values = embed_rows(held(["texts", "images"], fusion=how), ROWS).values
    units = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (texts, images)]
    expected = np.hstack(units) if how == "concat" else units[0] + units[1]
    np.testing.assert_allclose(values, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_scores_of_one_suite_are_not_taken_for_those_of_another_about_the_same_rows(held, tmp_path):
    """Ids of both are the same, and so are the numbers of captions."""
    other = scene_choices("spatial", split="test", wording=1)[:40]
    assert [row.id for row in other] == [row.id for row in CHOICES]
    write(tmp_path / "features" / "a", "npz", **asked(CHOICES, oracle))
    with pytest.raises(DataUnavailable, match="tiny holds scores of 0 of the 40 rows of this suite"):
        score_captions(held(["scores"]), other)
    write(tmp_path / "features" / "b", "npz", **asked(other, lambda row, k: -oracle(row, k)))
    model = held(["scores"])
    assert (whole(model, CHOICES).value, whole(model, other).value) == (1, 0)


def test_a_file_of_all_captions_serves_suites_that_ask_for_some_of_them(held, tmp_path):
    rows = scene_choices("spatial", split="test")
    write(tmp_path / "features" / "a", "npz", **asked(rows, by_length))
    model, opposites = held(["scores"]), scene_choices("spatial", "test", "opposite")
    told = {(row.id, text): by_length(row, k) for row in rows for k, text in enumerate(row.captions)}
    for some in (opposites, reference_rows(opposites)):
        expected = np.float32([[told[row.id, text] for text in row.captions] for row in some])
        np.testing.assert_array_equal(score_captions(model, some).values, expected)


# --- what is known without reading, and what is recorded ----------------------------------------


def test_it_has_what_the_entry_says_and_nothing_is_read_to_know_it(held, tmp_path):
    asked_for = {"texts": "EmbedsTexts", "images": "EmbedsImages", "scores": "ScoresCaptions"}
    for name, capability in asked_for.items():
        assert held([name], tmp_path / "nowhere").capabilities == {capability}
    assert held(ALL, tmp_path / "nowhere").capabilities == set(asked_for.values())


def test_only_what_the_entry_lists_is_read(held, tmp_path):
    (tmp_path / "features").mkdir()
    ids = np.array([row.id for row in ROWS])
    bad = np.array([{}] * len(ROWS), object)
    np.savez(tmp_path / "features" / "a.npz", ids=ids, texts=vectors_of(ROWS), images=bad)
    assert embed_rows(held(["texts"]), ROWS).values.shape == (30, 8)
    with pytest.raises(ModelError, match="pickled objects"):
        embed_rows(held(["images"]), ROWS)


@pytest.mark.parametrize("form", FORMATS)
def test_the_fingerprint_is_that_of_the_files(held, tmp_path, form):
    told = asked(CHOICES, by_length)
    folder = write(tmp_path / "features" / "a", form, **told)
    first, again = held(["scores"]), held(["scores"])
    assert first.fingerprint == again.fingerprint
    assert len(first.origin) == 64
    told["scores"][3, 2] += 1
    write(folder / "a", form, **told)
    assert held(["scores"]).fingerprint != first.fingerprint


def test_the_fingerprint_of_one_file_changes_with_it(held, tmp_path):
    prints = []
    for add in (0, 1, 0):
        write(tmp_path / "one", "npz", **asked(CHOICES, lambda row, k, add=add: k + add))
        prints.append(held(["scores"], tmp_path / "one.npz").fingerprint)
    assert prints[0] == prints[2] != prints[1]


def test_neither_device_nor_store_is_touched(tmp_path):
    write(tmp_path / "features" / "a", "npz", **asked(CHOICES, by_length))

    def no_device():
        raise AssertionError("a device was leased")

    spec = ModelSpec(name="a", family="precomputed", source=str(tmp_path / "features"), options={"holds": ["scores"]})
    score_captions(Model(spec, Store(tmp_path / "store"), no_device), CHOICES)
    assert not (tmp_path / "store").exists()


# --- rows that are not there, and numbers that are none -----------------------------------------


def test_a_suite_of_which_no_row_is_held_is_unavailable_and_one_with_some_is_an_error(held, tmp_path):
    write(tmp_path / "features" / "a", "npz", **asked(CHOICES[:25], by_length))
    write(tmp_path / "features" / "b", "npz", ids=[row.id for row in ROWS[:20]], texts=vectors_of(ROWS[:20]))
    model = held(["texts", "scores"])
    first = f"'{CHOICES[25].id}', caption '{CHOICES[25].captions[0]}'"
    with pytest.raises(DataError, match=f"tiny holds scores of 25 of the 40 rows .* missing: {first}"):
        score_captions(model, CHOICES)
    with pytest.raises(DataUnavailable, match=r"tiny holds scores of 0 of the 15 rows .* missing: "):
        score_captions(model, CHOICES[25:])
    with pytest.raises(DataError, match=f"holds texts of 20 of the 30 rows .* missing: '{ROWS[20].id}'"):
        embed_rows(model, ROWS)
    with pytest.raises(DataUnavailable, match="holds texts of 0 of the 10 rows of this suite"):
        embed_rows(model, ROWS[20:])
    with pytest.raises(DataUnavailable, match="holds texts of 8 of the 18 rows"):  # as where two data sets share rows
        embed_rows(model, ROWS[12:])


def test_a_row_of_which_one_caption_is_missing_is_not_held(held, tmp_path):
    told = asked(CHOICES, by_length)
    told["scores"][7, 2] = NO_CAPTION
    write(tmp_path / "features" / "a", "npz", **told)
    first = f"'{CHOICES[7].id}', caption '{CHOICES[7].captions[2]}'"
    with pytest.raises(DataError, match=f"holds scores of 39 of the 40 rows .* missing: {first}"):
        score_captions(held(["scores"]), CHOICES)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("form", FORMATS)
def test_nan_and_inf_are_an_error_of_the_rows_that_have_them(held, tmp_path, form, bad):
    told, vectors = asked(CHOICES, by_length), vectors_of(CHOICES)
    told["scores"][[4, 9], 1], vectors[5, 3] = bad, bad
    write(tmp_path / "features" / "a", form, **told, texts=vectors)
    model = held(["texts", "scores"])
    with pytest.raises(ScoreError, match=f"has NaN or Inf as scores of 2 of 40 rows; the first: '{CHOICES[4].id}'"):
        score_captions(model, CHOICES)
    assert np.isfinite(score_captions(model, CHOICES[:4]).values).all()
    rows = [row for row in scene_rows("spatial", split="test") if row.id in set(told["ids"])]
    with pytest.raises(ScoreError, match=f"nothing but zeros as texts of 1 of 40 rows; the first: '{told['ids'][5]}'"):
        embed_rows(model, rows)


def test_a_vector_of_zeros_has_no_direction(held, tmp_path):
    vectors = vectors_of(ROWS)
    vectors[3] = 0
    write(tmp_path / "features" / "a", "npz", ids=[row.id for row in ROWS], images=vectors)
    with pytest.raises(ScoreError, match=f"nothing but zeros as images of 1 of 30 rows; the first: '{ROWS[3].id}'"):
        embed_rows(held(["images"]), ROWS)


def test_a_number_too_large_for_float32_is_inf(held, tmp_path):
    told = asked(CHOICES, by_length)
    told["scores"] = told["scores"].astype(np.float64) * 1e300
    write(tmp_path / "features" / "a", "npz", **told)
    with pytest.raises(ScoreError, match="NaN or Inf as scores of 40 of 40 rows"):
        score_captions(held(["scores"]), CHOICES)


def test_an_id_may_stand_twice_if_it_says_the_same(held, tmp_path):
    told, ids = asked(CHOICES, by_length), [row.id for row in CHOICES]
    vectors = vectors_of(CHOICES)
    for name in "ab":
        write(tmp_path / "features" / name, "npz", **told, texts=vectors)
    assert score_captions(held(["texts", "scores"]), CHOICES).values.shape == (40, 4)
    vectors[11] += 1
    write(tmp_path / "features" / "b", "npz", **told, texts=vectors)
    with pytest.raises(ModelError, match=rf"texts of row '{ids[11]}' stand twice and differ, .*b\.npz; keep one"):
        held(["texts"]).loaded  # noqa: B018
    told["scores"][12, 0] = np.nan
    write(tmp_path / "features" / "b", "npz", **told)
    with pytest.raises(ModelError, match=rf"scores of row '{ids[12]}', caption '.*' stand twice .*b\.npz; keep one"):
        held(["scores"]).loaded  # noqa: B018


# --- entries that are wrong ----------------------------------------------------------------------


def refused(model: Model, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        model.loaded  # noqa: B018


def test_a_folder_without_features_and_one_without_those_that_were_promised_are_refused(held, tmp_path):
    (tmp_path / "features").mkdir()
    refused(held(["texts"]), "features holds no features: put files in it")
    write(tmp_path / "features" / "a", "npz", ids=["a"], texts=np.ones((1, 2)))
    refused(held(["images"]), "tiny: nothing in .*features holds images; correct the entry's option holds")


def test_vectors_of_two_widths_are_refused(held, tmp_path):
    write(tmp_path / "features" / "a", "npz", ids=["a"], texts=np.ones((1, 2)), images=np.ones((1, 3)))
    averaged = held(["texts", "images"], fusion="average")
    refused(averaged, "texts and images of two widths cannot be averaged; use fusion: concat")
    write(tmp_path / "features" / "b", "npz", ids=["b"], texts=np.ones((1, 4)))
    refused(held(["texts"]), r"texts have 2 columns in .*a\.npz and 4 columns in .*b\.npz")


def test_features_that_are_not_here_are_unavailable(held, tmp_path):
    model = held(["scores"], tmp_path / "nowhere")
    for ask in (lambda: model.loaded, lambda: model.fingerprint):
        with pytest.raises(ModelUnavailable, match="nowhere does not exist: correct the entry's source"):
            ask()


@pytest.mark.parametrize(
    ("source", "entry", "said"),
    [
        ("./f", {}, r"what its files hold must be listed, as options: \{holds: \[texts, scores\]\}"),
        ("./f", {"options": {"holds": []}}, "must be listed"),
        ("./f", {"options": {"holds": "texts"}}, "must be listed"),
        ("./f", {"options": {"holds": ["text"]}}, "holds: 'text'; known: images, scores, texts. Did you mean texts"),
        ("./f", {"options": {"holds": [["texts"]]}}, "option holds: "),
        ("./f", {"options": {"holds": ["texts"], "fusion": "sum"}}, "option fusion: 'sum'"),
        ("", {"options": {"holds": ["texts"]}}, "source must be a file or folder, ./…, not ''"),
        ("features/langsplat", {"options": {"holds": ["texts"]}}, "must be a file or folder, ./…, not 'features/"),
        ("package:x", {"options": {"holds": ["texts"]}}, "source must be a file or folder"),
        ("./f", {"options": {"holds": ["texts"]}, "pooling": "mean"}, "computes nothing; leave `pooling` out"),
        ("./f", {"options": {"holds": ["texts"]}, "prompt": "a "}, "computes nothing; leave `prompt` out"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_one_error(load, source, entry, said):
    with pytest.raises(ConfigError, match=said):
        load("precomputed", source, **entry)
