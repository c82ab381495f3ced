"""The JSON that goes out, described for the OpenAPI document.

The values themselves are made by `Prediction.to_dict()` and its like; these classes only say what they look like, and
a test holds the two against each other.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from mien.emotions import EMOTIONS

__all__ = ["BatchAnswer", "BatchItem", "ErrorAnswer", "ModelAnswer", "PredictionAnswer", "StatusAnswer"]

Emotion = Annotated[str, Field(json_schema_extra={"enum": list(EMOTIONS)})]
Share = Annotated[float, Field(ge=0, le=1)]
Probabilities = Annotated[dict[str, Share], Field(description="Calibrated probability of each emotion.")]


class BoxAnswer(BaseModel):
    """A rectangle in pixels of the upright image; it may reach beyond it."""

    x: float
    y: float
    width: float
    height: float


class FaceAnswer(BaseModel):
    """One face and its expression."""

    box: BoxAnswer
    emotion: Emotion
    confidence: Share
    uncertain: bool = Field(description="True when the confidence is below the model's threshold.")
    probabilities: Probabilities
    detection_score: float | None
    landmarks: list[list[float]] | None = Field(
        description="Right eye, left eye, nose tip, right and left corner of the mouth, as the person has them."
    )
    quality: list[str] = Field(description="What speaks against trusting the answer; often empty.")


class PredictionAnswer(BaseModel):
    """The faces of one image, the largest first; none is an answer, too."""

    source: str | None = Field(description="The file's name, where it was sent.")
    width_px: int
    height_px: int
    detector: str
    model: str
    faces: list[FaceAnswer]
    faces_left_out: int = Field(ge=0, description="Smaller faces that were found too, beyond the limit of max_faces.")


class ErrorFacts(BaseModel):
    """What went wrong."""

    code: str = Field(description="A word for programs, which stays when the message is reworded.")
    message: str = Field(description="What was expected, and what came.")
    hint: str = Field(description="What to do next; may be empty.")


class ErrorAnswer(BaseModel):
    """Every error has this shape."""

    error: ErrorFacts


class BatchItem(BaseModel):
    """One file of a batch: its prediction, or its error."""

    source: str | None
    prediction: PredictionAnswer | None = None
    error: ErrorFacts | None = None


class BatchAnswer(BaseModel):
    """One item per file, in the order in which they were sent."""

    results: list[BatchItem]


class LimitsAnswer(BaseModel):
    """What is taken."""

    max_body_bytes: int
    max_pixels: int
    max_files: int
    max_faces: int
    max_frame_bytes: int
    max_streams: int


class ModelAnswer(BaseModel):
    """What answers here, and what it takes."""

    name: str
    emotions: list[str] = Field(description="In the model's order.")
    accuracy: dict[str, Any] = Field(
        description="Per split of FER-2013 (`val`, `test`): accuracy with its 95 % interval and number of images."
    )
    head: str = Field(description="The question answered: `votes`, what people see, or `labels`, FER-2013's.")
    uncertain_below: float
    detector: str
    parameters: int
    limits: LimitsAnswer
    token_required: bool = Field(description="Whether the other addresses under /v1 ask for a token.")
    version: str = Field(description="The version of mien.")


class StatusAnswer(BaseModel):
    """A word on how things are."""

    status: str
