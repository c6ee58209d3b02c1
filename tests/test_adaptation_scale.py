"""How far to go towards the trained model: what is measured, on what, and what is chosen."""

import json
from collections.abc import Sequence
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from helpers import FRONT_MATTER, HashEncoder, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from indexer.adaptation.pairs import Pair
from indexer.adaptation.scale import (
    Point,
    Side,
    Tuning,
    auroc,
    chosen,
    held_out_figures,
    judged_figures,
    ndcg,
    read_tuning,
)
from indexer.articles import read_articles
from indexer.encoder import Vectors
from indexer.errors import ArticleError
from indexer.sections import Section, split_article


def write_tuning(folder: Path, queries: Sequence[object], qrels: str) -> Path:
    (folder / "qrels").mkdir(parents=True)
    (folder / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    (folder / "qrels" / "tuning.tsv").write_text(qrels, encoding="utf-8")
    return folder


QUERIES = [
    {"_id": "q1", "text": "нет звука", "split": "tuning"},
    {"_id": "q2", "text": "погода", "split": "tuning", "answerable": False},
    {"_id": "q3", "text": "курс валют", "split": "test", "answerable": False},
    {"_id": "q4", "text": "нет кода", "split": "test"},
    {"_id": "q5", "text": "пароль", "split": "tuning"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\tsound#top\t2\nq1\tcode#top\t0\nq5\tpassword#top\t1\n"


def test_tuning_queries_are_read_and_those_of_other_splits_are_not(tmp_path: Path) -> None:
    tuning = read_tuning(write_tuning(tmp_path / "judged", QUERIES, QRELS))
    assert tuning.queries == ("нет звука", "пароль", "погода")
    assert tuning.gold == ({"sound#top": 2, "code#top": 0}, {"password#top": 1}, {})
    assert tuning.judged == {"sound#top", "code#top", "password#top"}


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (QUERIES, "q1\tsound#top\n", "tuning.tsv:1: "),
        (QUERIES, "q1\tsound#top\tgood\n", "tuning.tsv:1: "),
        (QUERIES[1:], QRELS, "query q1 of qrels/tuning.tsv is not there"),
        ([{"text": "нет"}], QRELS, "queries.jsonl:1: KeyError('_id')"),
        (["нет"], QRELS, "queries.jsonl:1: "),
        (QUERIES, "q1\tsound#top\t0\n", "no section is judged relevant"),
        (QUERIES, "", "no section is judged relevant"),
    ],
)
def test_judgments_of_another_form_are_refused(
    tmp_path: Path, queries: Sequence[object], qrels: str, message: str
) -> None:
    with pytest.raises(ArticleError, match=r"expected") as caught:
        read_tuning(write_tuning(tmp_path / "judged", queries, qrels))
    assert message in str(caught.value)


def test_a_folder_without_judgments_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match=r"tuning\.tsv: cannot be read .*correct --tuning"):
        read_tuning(tmp_path)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=15), st.lists(st.integers(0, 2), max_size=3))
def test_ndcg_is_that_of_ir_measures(ranked: list[int], unseen: list[int]) -> None:
    grades = {f"s{place:02}": grade for place, grade in enumerate(ranked + unseen)}
    run = {f"s{place:02}": float(-place) for place in range(len(ranked))}
    expected = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], {"q": grades}, {"q": run})
    assert ndcg(ranked, list(grades.values())) == pytest.approx(expected[ir_measures.nDCG @ 10])


def test_ndcg_by_hand() -> None:
    # 1 / log2(2) + 2 / log2(3), of 2 / log2(2) + 1 / log2(3)
    assert ndcg([1, 2, 0], [2, 1]) == pytest.approx((1 + 2 / 1.584963) / (2 + 1 / 1.584963), abs=1e-5)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2))
def test_auroc_is_that_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    scores, positive = np.array([score for score, _ in rows]), np.array([own for _, own in rows])
    if positive.all() or not positive.any():
        assert auroc(scores, positive) is None
    else:
        assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> list[Section]:
    texts = {
        "sound": "Включите динамик телефона. Проверьте громкость звонка.",
        "code": "Подождите сообщение оператора. Запросите новый код.",
        "password": "Откройте страницу входа. Задайте длинный пароль.",
    }
    articles = {name: FRONT_MATTER.replace("Проба", name) + f"\n{text}\n" for name, text in texts.items()}
    articles["code"] += "\n## Почта {#mail}\n\nПроверьте папку спама.\n"
    corpus = read_articles(write_corpus(tmp_path_factory.mktemp("corpus") / "corpus", articles))
    return [section for article in corpus.articles for section in split_article(article)]


def encode(texts: Sequence[str], side: Side) -> Vectors:
    return HashEncoder().encode_passages(list(texts))


def test_judged_figures_rank_and_tell_apart(sections: list[Section]) -> None:
    tuning = Tuning(
        ("громкость звонка", "длинный пароль", "погода в Сочи"), ({"sound#top": 2}, {"code#top": 1, "sound#top": 0}, {})
    )
    figure, told_apart = judged_figures(encode, tuning, sections)
    ranked = [section.section_id for section in sections]
    cosines = (
        encode([tuning.queries[1]], "query")
        @ encode([f"{' › '.join(each.headings)}\n{each.text}" for each in sections], "passage").T
    )
    place = [ranked[row] for row in np.argsort(-cosines[0], kind="stable")].index("code#top")
    assert place > 0  # the password's section comes before it
    assert figure == pytest.approx((1 + 1 / np.log2(place + 2)) / 2)
    assert told_apart == 1.0


def test_judged_articles_count_by_their_best_section(sections: list[Section]) -> None:
    tuning = Tuning(("папка спама",), ({"code": 1},))
    assert judged_figures(encode, tuning, sections) == (1.0, None)


def test_held_out_pairs_are_found_among_the_others_and_missed_without_their_section(sections: list[Section]) -> None:
    seen: list[tuple[str, tuple[str, ...]]] = []

    def by_table(texts: Sequence[str], side: Side) -> Vectors:
        """Cosines by hand: the query is (1, 0), its own rest 0.8, others less, but for the kin, which is nearer."""
        seen.append((side, tuple(texts)))
        cosines = [
            1.0 if side == "query" else 0.8 if "громкость" in text and "динамик" not in text else 0.5 for text in texts
        ]
        cosines = [0.95 if "Почта" in text else cosine for text, cosine in zip(texts, cosines, strict=True)]
        return np.array([(cosine, (1 - cosine**2) ** 0.5) for cosine in cosines], dtype=np.float32)

    pair = Pair("Включите динамик телефона.", "sound#top", "sentence", part="Включите динамик телефона.")

    def kin(one: str, other: str) -> bool:
        return one == other or other == "code#mail"

    assert held_out_figures(by_table, [pair], sections, kin) == (1.0, 1.0)
    assert seen[1] == ("passage", ("sound\nПроверьте громкость звонка.",))
    # Now the mail's section counts: it is nearer, so the pair's own comes second, and nothing tells the two apart.
    figure, told_apart = held_out_figures(by_table, [pair], sections, lambda one, other: one == other)
    assert figure == pytest.approx(1 / np.log2(3))
    assert told_apart == 0.5


@pytest.mark.parametrize(
    ("points", "scale"),
    [
        ([(0.60, 0.80), (0.61, 0.85), (0.62, 0.90), (0.59, 0.99)], 0.5),  # the last ranks worse than the published
        ([(0.60, 0.80), (0.60, 0.85), (0.60, 0.85)], 0.25),  # of equal ones the smaller
        ([(0.60, 0.80), (0.70, 0.79)], None),  # tells apart worse
        ([(0.60, 0.80), (0.60, 0.80)], None),  # no better
        ([(0.60, None), (0.61, None), (0.62, None)], 0.5),  # without unanswerable queries
    ],
)
def test_the_scale_that_is_better_and_nowhere_worse_is_chosen(
    points: list[tuple[float, float | None]], scale: float | None
) -> None:
    curve = [Point(place / 4, *figures) for place, figures in enumerate(points)]
    best = chosen(curve)
    assert (best.scale if best else None) == scale
