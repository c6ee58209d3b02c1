"""Opens what encodes queries for an index."""

from indexer import encoder, models
from indexer.artifact import Artifact
from indexer.errors import ArtifactError
from indexer.query_encoder import OnnxEncoder, QueryEncoder


def open_encoder(artifact: Artifact) -> QueryEncoder:
    """What encodes queries for the artifact: its exported encoder, or the model it was made with, its adapter added.

    Raises ArtifactError where the one is damaged, or another model is found under the name of the other.
    """
    return OnnxEncoder(artifact.query_side) if artifact.query_side else encoder.open_encoder(model_of(artifact))


def model_of(artifact: Artifact) -> models.Model:
    """The model that the artifact was made with, its adapter added.

    Raises ArtifactError where another is found under its name, ModelError where none is.
    """
    inputs = artifact.manifest.inputs
    name, expected = inputs.model, inputs.model_fingerprint
    if inputs.adapter:
        name, expected = inputs.adapter.base_model, inputs.adapter.base_fingerprint
    model = models.resolve(name)
    if model.fingerprint == expected and artifact.adapter:
        model, expected = models.with_adapter(model, artifact.adapter), inputs.model_fingerprint
    if model.fingerprint != expected:
        raise ArtifactError(
            f"model {model.name}: fingerprint {model.fingerprint[:12]}, the index was made with "
            f"{expected[:12]}; put that model back, or build again: python -m indexer build"
        )
    return model
