"""The words that queries are read against."""

import pytest

from indexer.errors import ArtifactError
from indexer.wordlist import FILE, WordList, word_list


@pytest.fixture(scope="module")
def found() -> WordList:
    return word_list(["Ещё раз: код не пришёл", "код ERR_A, eXpress"])


def test_words_of_the_texts_are_counted_with_yo_folded(found):
    assert found.corpus["код"] == 2
    assert found.corpus["еще"] == 1
    assert found.corpus["express"] == 1
    assert "ещё" not in found.corpus


def test_common_words_have_their_zipf_frequency(found):
    assert found.russian["не"] > found.russian["телефон"] > 3
    assert found.english["the"] > found.english["telephone"] > 3
    assert not [word for word in found.russian if word.isascii()]


def test_a_saved_list_is_read_as_it_was(found, tmp_path):
    found.save(tmp_path)
    again = WordList.load(tmp_path)
    assert again.corpus == found.corpus
    assert again.russian == pytest.approx(found.russian)
    assert again.english == pytest.approx(found.english)


def test_the_same_words_give_the_same_bytes(found, tmp_path):
    found.save(tmp_path)
    first = (tmp_path / FILE).read_bytes()
    word_list(["код ERR_A, eXpress", "Ещё раз: код не пришёл"]).save(tmp_path)
    assert (tmp_path / FILE).read_bytes() == first


@pytest.mark.parametrize("content", ["код\n", "код\tдва\t0\t0\n", "код\t1\t0\tx\n"])
def test_a_damaged_table_is_refused(content, tmp_path):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ArtifactError, match=r"words\.tsv: unreadable .*; rebuild the index"):
        WordList.load(tmp_path)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="rebuild the index"):
        WordList.load(tmp_path)
