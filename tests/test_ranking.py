"""The settings file of the ranking."""

import pytest
from pydantic import ValidationError

from indexer.lexical import FIELDS
from server.fusion import NORMALISATIONS
from server.ranking import read_ranking


def test_our_own_settings_weight_every_field_and_name_a_known_normalisation():
    ranking = read_ranking()
    assert set(ranking.fields) == set(FIELDS)
    assert ranking.normalisation in NORMALISATIONS
    assert 0 < ranking.semantic_weight < 1


def test_unknown_normalisation_is_refused(tmp_path):
    path = tmp_path / "ranking.toml"
    path.write_text('normalisation = "magic"\nsemantic_weight = 0.5\n[fields]\nbody = 1.0\n')
    with pytest.raises(ValidationError, match="normalisation"):
        read_ranking(path)
