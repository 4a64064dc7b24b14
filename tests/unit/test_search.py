"""Search: cosine, best first, ties by row, clear errors."""

import numpy as np
import pandas as pd
import pytest
import torch

from lib.search import Conversation, Index

TABLE = pd.DataFrame({"clip_id": list("abcde"), "captions": [["x"]] * 5}, index=[9, 8, 7, 6, 5])
EMBEDDINGS = np.array([[1, 0], [3, 4], [0, 2], [0, 0], [-1, 0]], dtype=np.float32)


def test_query_gives_the_nearest_first_with_rank_and_cosine():
    found = Index(EMBEDDINGS, TABLE).query(np.array([0.0, 5.0]), k=3)
    assert found.clip_id.tolist() == ["c", "b", "a"]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found.score.tolist() == pytest.approx([1.0, 0.8, 0.0])
    assert found.columns.tolist() == ["rank", "score", "clip_id", "captions"]


def test_scores_are_the_cosine_that_torch_computes():
    generator = torch.Generator().manual_seed(0)
    clips, queries = torch.randn(50, 8, generator=generator), torch.randn(7, 8, generator=generator)
    expected = torch.nn.functional.cosine_similarity(queries[:, None], clips[None], dim=2)
    index = Index(clips, pd.DataFrame({"clip_id": range(50)}))
    np.testing.assert_allclose(index.similarity(queries), expected.numpy(), atol=1e-6)
    for query, scores in zip(queries, expected):
        found = index.query(query, k=50)
        assert found.clip_id.tolist() == scores.argsort(descending=True, stable=True).tolist()


def test_of_equal_scores_the_earlier_row_comes_first():
    index = Index(np.ones((100, 4)), pd.DataFrame({"clip_id": range(100)}))
    assert index.query(np.ones(4), k=20).clip_id.tolist() == list(range(20))


def test_length_does_not_matter_and_zero_vectors_score_zero():
    index = Index(EMBEDDINGS * 1e-6, TABLE)
    assert index.query(np.array([3.0, 4.0]) * 1e6, k=1).score[0] == pytest.approx(1.0)
    assert (index.query(np.zeros(2), k=5).score == 0).all()


def test_k_beyond_the_clips_gives_all():
    assert len(Index(EMBEDDINGS, TABLE).query(np.ones(2), k=99)) == 5
    assert len(Index(EMBEDDINGS[:0], TABLE[:0]).query(np.ones(2))) == 0


def test_a_batch_of_one_and_tensors_with_gradients_will_do():
    index = Index(torch.tensor(EMBEDDINGS, requires_grad=True), TABLE)
    assert index.query(torch.ones(1, 2, requires_grad=True), k=1).clip_id[0] == "b"
    assert len(index) == 5 and index.dim == 2


def test_the_table_is_not_changed():
    Index(EMBEDDINGS, TABLE).query(np.ones(2))
    assert TABLE.index.tolist() == [9, 8, 7, 6, 5] and "rank" not in TABLE


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Index(EMBEDDINGS[0], TABLE), r"expected embeddings \(clip, dim\); got shape \(2,\)"),
        (lambda: Index(EMBEDDINGS[:4], TABLE), "each of the table's 5 clips; got 4"),
        (lambda: Index(np.where(EMBEDDINGS == 4, np.nan, EMBEDDINGS), TABLE), "NaN or infinity in 1 rows, first row 1"),
        (lambda: Index(EMBEDDINGS, TABLE).query(np.ones(3)), r"expected queries \(query, 2\); got shape \(1, 3\)"),
        (lambda: Index(EMBEDDINGS, TABLE).query(np.ones((2, 2))), r"expected one embedding \(2,\); got shape \(2, 2\)"),
        (lambda: Index(EMBEDDINGS, TABLE).query(np.array([1, np.nan])), "expected finite queries"),
        (lambda: Index(EMBEDDINGS, TABLE).query(np.ones(2), k=0), "k of at least 1; got 0"),
    ],
)
@pytest.mark.bad_shapes
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


WORDS = {"add dog": np.array([0.0, 3.0]), "rain": np.array([2.0, 0.0])}
NAMED = TABLE.assign(title=[f"clip {name}" for name in "abcde"])


def talk(**given):
    return Conversation(Index(EMBEDDINGS, NAMED), WORDS.__getitem__, **given)


def test_a_conversation_adds_the_example_at_its_own_length_and_leaves_it_out():
    step = talk(k=9).ask("add dog", row=0)
    assert step.found["row"].tolist() == [1, 2, 3, 4] and 0 not in step.found["row"].tolist()
    assert step.found["score"][0] == pytest.approx((1 * 3 + 3 * 4) / (5 * 10**0.5))  # (1, 0) + (0, 3), not unit vectors
    assert str(step) == "like “clip a”, “add dog”"
    far = Index(EMBEDDINGS * np.array([[9], [1], [1], [1], [1]]), NAMED)
    assert Conversation(far, WORDS.__getitem__).ask("add dog", row=0).found["score"][0] == pytest.approx(
        (9 * 3 + 3 * 4) / (5 * 90**0.5))  # fmt: skip


def test_words_alone_an_example_alone_and_a_sound_from_elsewhere():
    conversation = talk(k=2)
    assert conversation.ask("  rain ").found["row"].tolist() == [0, 1]
    assert conversation.ask(row=2).found["row"].tolist() == [1, 0]
    step = conversation.ask("rain", sound=np.array([-2.0, 1.0]), name="mine.wav")
    assert step.found["row"].tolist() == [2, 1] and str(step) == "like “mine.wav”, “rain”"


def test_undo_goes_back_step_by_step():
    conversation = talk()
    first, _ = conversation.ask("rain"), conversation.ask("add dog", row=1)
    assert conversation.undo() is first is conversation.last
    assert conversation.undo() is None and conversation.undo() is None and conversation.history == []


@pytest.mark.parametrize("given, said", [
    ({}, "got neither"), ({"words": " "}, "got neither"), ({"row": 5}, "clips 0 to 4; got 5"), ({"row": -1}, "got -1"),
])  # fmt: skip
def test_a_question_of_nothing_is_refused_and_leaves_no_trace(given, said):
    conversation = talk()
    with pytest.raises(ValueError, match=said):
        conversation.ask(**given)
    assert conversation.history == []
